#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "codes/code_blocks.h"
#include "codes/code_space.h"
#include "segments/rows_view.h"

namespace warifu {

// How much of a segment is looked at when it is opened.
enum class SegmentCheck {
  // The header, its checksum and the bounds of every section: the same time for any size. What is searched then is
  // whatever lies in the sections, without harm to anything but the hits.
  kHeader,
  // Every checksum and rule: any flipped bit is noticed. Reads the whole file.
  kWhole,
};

// A segment of format version 2 as it lies in memory; refers to the bytes it was made from.
struct CodeSegmentView {
  CodeSpace space;
  Modality modality = Modality::kImage;
  RowsView rows;    // [codes.count], ascending
  BlockView codes;  // of space.bits bits
};

// `file` is the whole file, hostile, and begins at an address that is a multiple of 8. Errors of
// parse_code_segment; a file of version 1 is kBadFormat. Internal to segments/ and its fuzz target.
Result<CodeSegmentView> view_code_segment(std::span<const std::byte> file, SegmentCheck check);

}  // namespace warifu
