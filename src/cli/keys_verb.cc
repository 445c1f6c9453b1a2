#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/verb.h"
#include "engine/access.h"

namespace warifu {
namespace {

Json key_json(const ApiKey& key) {
  Json object{{"type", "key"},
              {"id", key.id},
              {"user", key.user},
              {"scopes", key.scopes.names()},
              {"created", utc_text(key.created)},
              {"expires", nullptr},
              {"last_used", nullptr},
              {"revoked", key.revoked},
              {"note", key.note}};
  if (key.expires) object["expires"] = utc_text(*key.expires);
  if (key.last_used) object["last_used"] = utc_text(*key.last_used);
  return object;
}

class KeysVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.argument("what", what_, "list, create or revoke")->required();
    flags.argument("id", id_, "of the key to revoke: the 8 characters behind wrf_");
    flags.value("--user", user_, "create: whose key");
    flags.list("--scopes", scopes_, "create: search, read, write, admin");
    flags.value("--expires", expires_, "create: how long the key is good, such as 12h, 90d, 52w (default: for ever)");
    flags.value("--note", note_, "create: what the key is for");
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    if (what_ == "list") return list(invocation, *form);
    if (what_ == "create") return create(invocation, *form);
    if (what_ == "revoke") return revoke(invocation, *form);
    return fail(ErrorCode::kInvalidArgument, "keys cannot '" + what_ + "'", "use list, create or revoke");
  }

 private:
  Result<int> create(const Invocation& invocation, OutputForm form) const {
    if (user_.empty()) return fail(ErrorCode::kInvalidArgument, "whose key?", "say --user NAME");
    const auto scopes = parse_scopes(scopes_);
    if (!scopes) return std::unexpected(scopes.error());
    std::optional<std::chrono::seconds> lifetime;
    if (!expires_.empty()) {
      const auto parsed = parse_lifetime(expires_);
      if (!parsed) return std::unexpected(parsed.error());
      lifetime = *parsed;
    }
    auto access = Access::open(invocation.workspace);
    if (!access) return std::unexpected(access.error());
    const auto made = access->changes().create_key({}, user_, *scopes, lifetime, note_);
    if (!made) return std::unexpected(made.error());
    if (form == OutputForm::kTable) {
      print_line(made->token);
    } else {
      Json object = key_json(made->key);
      object["key"] = made->token;
      print_json(object, form);
    }
    invocation.progress->note("keep this key: it is not kept here and not shown again");
    return 0;
  }

  Result<int> revoke(const Invocation& invocation, OutputForm form) const {
    if (id_.empty()) return fail(ErrorCode::kInvalidArgument, "which key?", "warifu keys revoke ID");
    auto access = Access::open(invocation.workspace);
    if (!access) return std::unexpected(access.error());
    if (auto done = access->changes().revoke_key({}, id_); !done) return std::unexpected(done.error());
    if (form == OutputForm::kTable) {
      print_line("key " + id_ + " opens nothing any more");
    } else {
      print_json({{"type", "key"}, {"action", "revoke"}, {"id", id_}}, form);
    }
    return 0;
  }

  static Result<int> list(const Invocation& invocation, OutputForm form) {
    const auto store = open_users(invocation.workspace);
    if (!store) return std::unexpected(store.error());
    const auto keys = (*store)->list_keys();
    if (!keys) return std::unexpected(keys.error());
    if (form == OutputForm::kTable) {
      Table table({"id", "user", "scopes", "since", "expires", "last used", "", "note"});
      for (const ApiKey& key : *keys)
        table.add({key.id, key.user, fmt::format("{}", fmt::join(key.scopes.names(), ",")), utc_text(key.created),
                   key.expires ? utc_text(*key.expires) : "never", key.last_used ? utc_text(*key.last_used) : "never",
                   key.revoked ? "revoked" : "", key.note});
      table.print();
      return 0;
    }
    Json all = Json::array();
    for (const ApiKey& key : *keys) {
      if (form == OutputForm::kJsonl) {
        print_json(key_json(key), form);
      } else {
        all.push_back(key_json(key));
      }
    }
    if (form == OutputForm::kJson) print_json({{"keys", std::move(all)}}, form);
    return 0;
  }

  std::string what_;
  std::string id_;
  std::string user_;
  std::vector<std::string> scopes_;
  std::string expires_;
  std::string note_;
};

}  // namespace

std::unique_ptr<Verb> make_keys_verb() { return std::make_unique<KeysVerb>(); }

}  // namespace warifu
