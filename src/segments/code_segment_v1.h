#pragma once

#include <cstddef>
#include <span>

#include "base/error.h"
#include "segments/code_segment.h"

namespace warifu {

// Reads a whole file of format version 1, which is no longer written. The bytes are hostile; errors of
// parse_code_segment. Internal to segments/.
Result<CodeSegment> parse_code_segment_v1(std::span<const std::byte> file);

}  // namespace warifu
