#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "codes/code_blocks.h"
#include "codes/code_matrix.h"

// What holds for rows and codes of every segment, in memory or in a file. Each returns the first breach in words.
// Internal to segments/.
namespace warifu {

// Rows are >= 0 and ascend without repeats.
std::optional<std::string> broken_rows(std::span<const std::int64_t> rows);
// The same of first, first + offsets[1], …; offsets[0] is 0, and no sum overflows.
std::optional<std::string> broken_rows(std::int64_t first, std::span<const std::uint32_t> offsets);

// Bits behind the last one of a code are zero.
std::optional<std::string> broken_padding(const CodeMatrix& codes);
std::optional<std::string> broken_padding(const BlockView& codes);

// Lanes behind the last code are zero: so in files, not asked of blocks in memory.
std::optional<std::string> broken_lanes(const BlockView& codes);

}  // namespace warifu
