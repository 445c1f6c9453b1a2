#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// What a key may be used for.
enum class Scope : std::uint8_t {
  kSearch,  // find items and encode queries
  kRead,    // look at items, thumbnails, reports
  kWrite,   // put and delete items
  kAdmin,   // users, keys, the audit log; includes the other three, and sees every item
};

// A set of scopes.
class Scopes {
 public:
  constexpr Scopes() = default;
  constexpr Scopes(std::initializer_list<Scope> scopes) {
    for (const Scope scope : scopes) add(scope);
  }
  constexpr void add(Scope scope) { bits_ = static_cast<std::uint8_t>(bits_ | bit(scope)); }
  // kAdmin has them all.
  constexpr bool has(Scope scope) const { return (bits_ & (bit(scope) | bit(Scope::kAdmin))) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const Scopes&) const = default;

  // As they were given, in the order of the enumeration: {"search", "read"}. kAdmin alone is {"admin"}.
  std::vector<std::string_view> names() const;

 private:
  static constexpr unsigned bit(Scope scope) { return 1U << static_cast<unsigned>(scope); }
  std::uint8_t bits_ = 0;
};

// {"search", "read"} as scopes. kInvalidArgument for an unknown name, or for none at all.
Result<Scopes> parse_scopes(std::span<const std::string> names);

// Who asks, and what he may. Made from a key by AccessStore::authenticate(); immutable for one request.
struct Principal {
  std::string name;    // of the user; "local" for the owner of the machine
  std::string key_id;  // empty without a key
  Scopes scopes;
  std::vector<std::string> groups;  // sorted
  bool sees_everything = false;     // whatever groups an item has

  bool operator==(const Principal&) const = default;
};

// Whoever can read the files of the workspace anyway: the command line, and a server without users on the loopback
// interface. All scopes, sees everything.
Principal local_owner();

// Whether an item that is shown to `item_groups` only may be shown to `principal`: it has no groups (it is
// everybody's), or they share one, or the principal sees everything. Scopes are the caller's business.
bool may_see(const Principal& principal, std::span<const std::string> item_groups);

// Names of users and of groups: 1 to 64 of ASCII letters, digits, '-', '_' and '.', the first a letter, digit or '_'.
// So they need no quoting in flags, filters and logs. A user is not called "local" or "anonymous": the audit log calls
// others so. kInvalidArgument says which name and why.
Result<void> check_user_name(std::string_view name);
Result<void> check_group_name(std::string_view name);

}  // namespace warifu
