#include "security/principal.h"

#include <algorithm>
#include <array>

#include "base/join.h"
#include "base/utf8.h"

namespace warifu {
namespace {

constexpr std::array<std::string_view, 4> kScopeNames = {"search", "read", "write", "admin"};
constexpr std::size_t kMaxNameBytes = 64;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

Result<void> check_name(std::string_view what, std::string_view name) {
  const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; };
  if (!name.empty() && name.size() <= kMaxNameBytes && name[0] != '-' && name[0] != '.' &&
      std::ranges::all_of(name, allowed))
    return {};
  const bool longer = name.size() > kMaxNameBytes;
  return fail(ErrorCode::kInvalidArgument,
              "'" + repair_utf8(utf8_prefix(name, kMaxNameBytes)) + (longer ? "…" : "") + "' cannot name a " +
                  std::string(what),
              "use 1 to 64 letters a-z, digits, '-', '_' or '.', not starting with '-' or '.'");
}

}  // namespace

std::vector<std::string_view> Scopes::names() const {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kScopeNames.size(); ++i)
    if ((bits_ & (1U << i)) != 0) names.push_back(kScopeNames[i]);
  return names;
}

Result<Scopes> parse_scopes(std::span<const std::string> names) {
  Scopes scopes;
  for (const std::string& name : names) {
    const auto* const at = std::ranges::find(kScopeNames, name);
    if (at == kScopeNames.end())
      return fail(ErrorCode::kInvalidArgument,
                  "no scope is called '" + repair_utf8(utf8_prefix(name, kMaxNameBytes)) + "'",
                  "use some of " + join(kScopeNames));
    scopes.add(static_cast<Scope>(at - kScopeNames.begin()));
  }
  if (scopes.empty()) return fail(ErrorCode::kInvalidArgument, "no scope is given", "use some of " + join(kScopeNames));
  return scopes;
}

Principal local_owner() {
  return {.name = "local", .key_id = {}, .scopes = {Scope::kAdmin}, .groups = {}, .sees_everything = true};
}

bool may_see(const Principal& principal, std::span<const std::string> item_groups) {
  if (principal.sees_everything || item_groups.empty()) return true;
  return std::ranges::any_of(item_groups, [&](const std::string& group) {
    return std::ranges::find(principal.groups, group) != principal.groups.end();
  });
}

Result<void> check_user_name(std::string_view name) {
  if (name == "local" || name == "anonymous")
    return fail(ErrorCode::kInvalidArgument, "'" + std::string(name) + "' cannot name a user",
                "the audit log means somebody without a key by it; choose another name");
  return check_name("user", name);
}

Result<void> check_group_name(std::string_view name) { return check_name("group", name); }

}  // namespace warifu
