#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/verb.h"
#include "engine/access.h"

namespace warifu {
namespace {

class UsersVerb final : public Verb {
 public:
  void declare(Flags& flags) override {
    flags.argument("what", what_, "list, add, groups, disable, enable or remove")->required();
    flags.argument("name", name_, "of the user; for all but list");
    groups_given_ =
        flags.list("--groups", groups_, "the user sees items of these groups besides those of no group; '' for none");
  }

  Result<int> run(const Invocation& invocation) override {
    const auto form = parse_output(invocation.output, {"table", "json", "jsonl"});
    if (!form) return std::unexpected(form.error());
    std::erase(groups_, "");
    if (what_ == "list") return list(invocation, *form);
    if (auto sensible = check(); !sensible) return std::unexpected(sensible.error());
    auto access = Access::open(invocation.workspace);
    if (!access) return std::unexpected(access.error());
    if (auto done = change(access->changes()); !done) return std::unexpected(done.error());
    if (*form == OutputForm::kTable) {
      print_line(sentence());
    } else {
      Json object{{"type", "user"}, {"action", what_}, {"name", name_}};
      if (what_ == "add" || what_ == "groups") object["groups"] = groups_;
      print_json(object, *form);
    }
    return 0;
  }

 private:
  Result<void> check() const {
    constexpr std::string_view kWords[] = {"add", "groups", "disable", "enable", "remove"};
    if (std::ranges::find(kWords, what_) == std::end(kWords))
      return fail(ErrorCode::kInvalidArgument, "users cannot '" + what_ + "'",
                  "use list, add, groups, disable, enable or remove");
    if (name_.empty()) return fail(ErrorCode::kInvalidArgument, "which user?", "warifu users " + what_ + " NAME");
    if (what_ == "groups" && groups_given_->count() == 0)
      return fail(ErrorCode::kInvalidArgument, "which groups?",
                  "warifu users groups " + name_ + " --groups a,b replaces the groups of the user");
    if (what_ != "groups" && what_ != "add" && groups_given_->count() > 0)
      return fail(ErrorCode::kInvalidArgument, "'users " + what_ + "' takes no groups",
                  "use 'users groups' to change them");
    return {};
  }

  Result<void> change(AuditedAccess access) const {
    if (what_ == "add") return access.create_user({}, name_, groups_);
    if (what_ == "groups") return access.set_groups({}, name_, groups_);
    if (what_ == "remove") return access.remove_user({}, name_);
    return access.set_disabled({}, name_, what_ == "disable");
  }

  std::string sentence() const {
    if (what_ == "remove") return fmt::format("user {} is removed, and no key of it opens anything any more", name_);
    if (what_ == "disable")
      return fmt::format("user {} is disabled: its keys open nothing until 'users enable'", name_);
    if (what_ == "enable") return fmt::format("user {} is enabled", name_);
    if (groups_.empty()) return fmt::format("user {} sees the items of no group", name_);
    return fmt::format("user {} sees the items of no group and those of {}", name_, fmt::join(groups_, ", "));
  }

  static Result<int> list(const Invocation& invocation, OutputForm form) {
    const auto store = open_users(invocation.workspace);
    if (!store) return std::unexpected(store.error());
    const auto users = (*store)->list_users();
    if (!users) return std::unexpected(users.error());
    if (form == OutputForm::kTable) {
      Table table({"user", "groups", "keys", "since", ""});
      for (const User& user : *users)
        table.add({user.name, fmt::format("{}", fmt::join(user.groups, ", ")), count_text(user.keys),
                   utc_text(user.created), user.disabled ? "disabled" : ""});
      table.print();
      return 0;
    }
    Json all = Json::array();
    for (const User& user : *users) {
      Json object{{"type", "user"},        {"name", user.name},
                  {"groups", user.groups}, {"disabled", user.disabled},
                  {"keys", user.keys},     {"created", utc_text(user.created)}};
      if (form == OutputForm::kJsonl) {
        print_json(object, form);
      } else {
        all.push_back(std::move(object));
      }
    }
    if (form == OutputForm::kJson) print_json({{"users", std::move(all)}}, form);
    return 0;
  }

  std::string what_;
  std::string name_;
  std::vector<std::string> groups_;
  CLI::Option* groups_given_ = nullptr;
};

}  // namespace

std::unique_ptr<Verb> make_users_verb() { return std::make_unique<UsersVerb>(); }

}  // namespace warifu
