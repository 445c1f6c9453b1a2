#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "security/audit_log.h"

namespace warifu {

// One line of an audit log (docs/reference/formats/audit-log.md), without its '\n'. Internal to security/.

inline constexpr std::size_t kMaxAuditLineBytes = std::size_t{4} << 20;
// What the first line of a log is chained to.
inline constexpr std::string_view kNoAuditHead = "0000000000000000000000000000000000000000000000000000000000000000";

// The chain's part of a line. Views into it.
struct AuditLink {
  std::uint64_t seq = 0;
  std::string_view prev;  // 64 lower-case hex digits each
  std::string_view hash;
};

// The line of `entry` and its hash.
struct AuditLine {
  std::string text;
  std::string hash;
};
AuditLine make_audit_line(const AuditEntry& entry, std::uint64_t seq, std::chrono::system_clock::time_point time,
                          std::string_view prev);

// Nothing where the line is not laid out as make_audit_line() does it. Says nothing about the hash.
std::optional<AuditLink> read_audit_link(std::string_view line);

// Whether `link.hash` is that of the line it was read from.
bool audit_hash_matches(std::string_view line, const AuditLink& link);

// BLAKE2b-256 in lower-case hex.
std::string audit_hash(std::string_view bytes);

}  // namespace warifu
