#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "security/principal.h"

namespace warifu {

struct User {
  std::string name;
  std::vector<std::string> groups;  // sorted, each once
  bool disabled = false;            // keys do not open anything meanwhile
  std::chrono::sys_seconds created;
  std::uint64_t keys = 0;  // that are neither revoked nor expired
};

// What is known of a key; its secret is not.
struct ApiKey {
  std::string id;  // 8 characters, the middle part of the key itself
  std::string user;
  Scopes scopes;
  std::chrono::sys_seconds created;
  std::optional<std::chrono::sys_seconds> expires;
  std::string note;
  bool revoked = false;
  std::optional<std::chrono::sys_days> last_used;  // UTC day
};

struct NewKey {
  ApiKey key;
  std::string token;  // "wrf_<id>_<secret>": shown once, kept nowhere
};

// Users and their API keys: SQLite file `access.db` of a workspace, mode 0600, in WAL mode. Any number of processes use
// it at once; each sees at its next question what another has changed.
//
// A key is wrf_ + id + _ + 43 characters base64url of 256 random bits. The store keeps a BLAKE2b-256 hash of the whole
// (docs/decisions/rights.md says why not a slow one), so that nobody learns keys from the file or a backup of it.
//
// Every change takes a `before_commit`: it is called with the name of the user or the id of the key after the change
// was found possible and before it counts; where it fails the change is taken back and its error returned.
// AuditedAccess writes the audit line there.
//
// Errors: kInvalidArgument (names, notes, times), kNotFound (no such user or key), kIncompatible (a newer file),
// kBadFormat (damaged, of another program), kUnavailable (locked by another program for over 5 s), kIo.
//
// Threads: any number at once.
class AccessStore {
 public:
  using Clock = std::function<std::chrono::sys_seconds()>;
  using BeforeCommit = std::function<Result<void>(std::string_view subject)>;

  // Opens or creates. `clock` is for tests; the default is the system's.
  static Result<std::unique_ptr<AccessStore>> open(const std::filesystem::path& path, Clock clock = {});
  AccessStore(const AccessStore&) = delete;
  AccessStore& operator=(const AccessStore&) = delete;
  ~AccessStore();

  // kInvalidArgument where there is one of that name.
  Result<void> create_user(std::string_view name, std::span<const std::string> groups,
                           const BeforeCommit& before_commit = {});
  // Replaces the user's groups; none: the user sees what everybody sees.
  Result<void> set_groups(std::string_view name, std::span<const std::string> groups,
                          const BeforeCommit& before_commit = {});
  Result<void> set_disabled(std::string_view name, bool disabled, const BeforeCommit& before_commit = {});
  // With all keys.
  Result<void> remove_user(std::string_view name, const BeforeCommit& before_commit = {});
  Result<std::vector<User>> list_users();  // by name
  Result<bool> any_users();

  // `lifetime`: at least a second, none: for ever. `note`: up to 200 bytes of UTF-8 without control characters.
  Result<NewKey> create_key(std::string_view user, Scopes scopes, std::optional<std::chrono::seconds> lifetime,
                            std::string_view note, const BeforeCommit& before_commit = {});
  // A key that is revoked already stays so: no error.
  Result<void> revoke_key(std::string_view id, const BeforeCommit& before_commit = {});
  Result<std::vector<ApiKey>> list_keys();  // by user, then by time

  // Whose key `token` is. Nothing for what is not exactly a key that counts now: unknown, wrong, expired, revoked, of a
  // disabled user; the answer does not say which, and takes the same time for a wrong secret as for an unknown id.
  // An error only where the store cannot be read. A few microseconds, as long as nobody changes anything.
  Result<std::optional<Principal>> authenticate(std::string_view token);
  // The same of a key that was authenticated before, by its id: for sessions.
  Result<std::optional<Principal>> principal_of(std::string_view id);

 private:
  class Impl;
  explicit AccessStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// "30m", "12h", "90d", "52w": a whole number above 0 and its unit, up to 100 years. kInvalidArgument otherwise.
Result<std::chrono::seconds> parse_lifetime(std::string_view text);

// "2027-02-01T09:30:00Z" and "2027-02-01".
std::string utc_text(std::chrono::sys_seconds time);
std::string utc_text(std::chrono::sys_days day);

}  // namespace warifu
