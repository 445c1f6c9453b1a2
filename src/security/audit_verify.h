#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace warifu {

struct AuditProblem {
  std::string place;  // "000001.jsonl:17", or a file
  std::string what;
};

struct AuditReport {
  std::uint64_t lines = 0;
  std::uint64_t first_seq = 0;  // 0: no line
  std::uint64_t last_seq = 0;
  std::string head;                           // hash of the last line; 64 zeros without one
  std::optional<std::uint64_t> expected_seq;  // of the line whose hash was expected
  std::vector<AuditProblem> problems;         // the first 100
  std::uint64_t problem_count = 0;

  bool intact() const { return problem_count == 0; }
};

// Reads a whole audit log against its chain: a line that was changed, removed, inserted or moved, a file that is
// missing, an incomplete end. That the newest lines are gone cannot be seen from the log itself: `expected_head` is a
// head that was noted earlier, outside of this machine; it must be the hash of some line.
//
// May run while others append: looks at what is there when it begins. Changes nothing. kNotFound without a log, kIo;
// kInvalidArgument unless expected_head has 64 hex digits.
Result<AuditReport> verify_audit_log(const std::filesystem::path& folder,
                                     const std::optional<std::string>& expected_head = std::nullopt);

}  // namespace warifu
