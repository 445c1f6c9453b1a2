#include "security/audited_access.h"

#include <utility>
#include <vector>

namespace warifu {
namespace {

std::vector<std::string> copied(std::span<const std::string> texts) { return {texts.begin(), texts.end()}; }

}  // namespace

template <typename Change>
auto AuditedAccess::audited(const Actor& actor, std::string action,
                            std::vector<std::pair<std::string, AuditEntry::Value>> detail, const Change& change) {
  AuditEntry entry{.who = actor.who,
                   .key = actor.key,
                   .action = std::move(action),
                   .items = {},
                   .outcome = Outcome::kDone,
                   .status = actor.status,
                   .request = actor.request,
                   .detail = std::move(detail)};
  bool recorded = false;
  auto done = change([&](std::string_view subject) -> Result<void> {
    entry.items = {std::string(subject)};
    if (auto written = log_.append(entry); !written) return written;
    recorded = true;
    return log_.sync();
  });
  if (!done && recorded) {
    entry.outcome = Outcome::kFailed;
    entry.status = actor.status == 0 ? exit_status(done.error().code) : 500;
    static_cast<void>(log_.append(entry));  // the error that is returned says more than that this failed too
  }
  return done;
}

Result<void> AuditedAccess::create_user(const Actor& actor, std::string_view name,
                                        std::span<const std::string> groups) {
  return audited(actor, "users.create", {{"groups", copied(groups)}},
                 [&](const auto& record) { return store_.create_user(name, groups, record); });
}

Result<void> AuditedAccess::set_groups(const Actor& actor, std::string_view name, std::span<const std::string> groups) {
  return audited(actor, "users.groups", {{"groups", copied(groups)}},
                 [&](const auto& record) { return store_.set_groups(name, groups, record); });
}

Result<void> AuditedAccess::set_disabled(const Actor& actor, std::string_view name, bool disabled) {
  return audited(actor, disabled ? "users.disable" : "users.enable", {},
                 [&](const auto& record) { return store_.set_disabled(name, disabled, record); });
}

Result<void> AuditedAccess::remove_user(const Actor& actor, std::string_view name) {
  return audited(actor, "users.remove", {}, [&](const auto& record) { return store_.remove_user(name, record); });
}

Result<NewKey> AuditedAccess::create_key(const Actor& actor, std::string_view user, Scopes scopes,
                                         std::optional<std::chrono::seconds> lifetime, std::string_view note) {
  std::vector<std::pair<std::string, AuditEntry::Value>> detail;
  detail.emplace_back("user", std::string(user));
  std::vector<std::string> names;
  for (const std::string_view name : scopes.names()) names.emplace_back(name);
  detail.emplace_back("scopes", std::move(names));
  if (lifetime) detail.emplace_back("lifetime_seconds", std::int64_t{lifetime->count()});
  if (!note.empty()) detail.emplace_back("note", std::string(note));
  return audited(actor, "keys.create", std::move(detail),
                 [&](const auto& record) { return store_.create_key(user, scopes, lifetime, note, record); });
}

Result<void> AuditedAccess::revoke_key(const Actor& actor, std::string_view id) {
  return audited(actor, "keys.revoke", {}, [&](const auto& record) { return store_.revoke_key(id, record); });
}

}  // namespace warifu
