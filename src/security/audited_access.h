#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "security/access_store.h"
#include "security/audit_log.h"
#include "security/principal.h"

namespace warifu {

// On whose behalf something is changed, for the audit line.
struct Actor {
  std::string who = "local";
  std::string key;      // id
  std::string request;  // id
  int status = 0;       // of the answer if all goes well: 0 on the command line, 200, 201 or 204 over HTTP

  static Actor of(const Principal& principal, std::string request, int status) {
    return {principal.name, principal.key_id, std::move(request), status};
  }
};

// Changes of users and keys, each with its line in the audit log: it is on the disk before the change counts, and a
// change whose line cannot be written does not happen. A change that fails after that (a full disk) gets a second line
// that says so; after a crash between the two the log may name a change that did not come to be. What was refused, such
// as an unknown user, is not logged here.
//
// Errors as AccessStore and AuditLog. Threads: any number at once. The two outlive this.
class AuditedAccess {
 public:
  AuditedAccess(AccessStore& store, AuditLog& log) : store_(store), log_(log) {}

  Result<void> create_user(const Actor& actor, std::string_view name, std::span<const std::string> groups);
  Result<void> set_groups(const Actor& actor, std::string_view name, std::span<const std::string> groups);
  Result<void> set_disabled(const Actor& actor, std::string_view name, bool disabled);
  Result<void> remove_user(const Actor& actor, std::string_view name);
  Result<NewKey> create_key(const Actor& actor, std::string_view user, Scopes scopes,
                            std::optional<std::chrono::seconds> lifetime, std::string_view note);
  Result<void> revoke_key(const Actor& actor, std::string_view id);

 private:
  // `change` is given what it must call before it counts.
  template <typename Change>
  auto audited(const Actor& actor, std::string action, std::vector<std::pair<std::string, AuditEntry::Value>> detail,
               const Change& change);

  AccessStore& store_;
  AuditLog& log_;
};

}  // namespace warifu
