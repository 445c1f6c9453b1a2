#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/error.h"
#include "codes/code_blocks.h"
#include "codes/code_matrix.h"
#include "codes/code_space.h"

namespace warifu {

// Codes of one space and modality with the item row of each, as they lie in a file.
struct CodeSegment {
  CodeSpace space;
  Modality modality = Modality::kImage;
  std::vector<std::int64_t> rows;  // >= 0, ascending, without repeats; rows[i] names codes.row(i)
  CodeMatrix codes;                // codes.bits() == space.bits
};

// Byte layout: docs/reference/formats/code-segment.md. Writers write its newest version, in which the codes lie as
// BlockView has them; readers read every version.

// Atomic. kInvalidArgument, and nothing written, if the segment breaks a rule above or a name of its space is longer
// than 4,096 bytes; kIo with the system's reason.
Result<void> write_code_segment(const std::filesystem::path& path, const CodeSegment& segment);

// The same from rows and codes wherever they lie, without a copy of either. codes.count == rows.size(),
// codes.bits == space.bits.
Result<void> write_code_segment(const std::filesystem::path& path, const CodeSpace& space, Modality modality,
                                std::span<const std::int64_t> rows, const BlockView& codes);

// The file is hostile: every length is checked against the file's size and each section against
// its CRC-32C. kBadFormat names the place; a newer version is kIncompatible with a hint.
// To search a segment without reading it into memory: segments/mapped_segment.h.
Result<CodeSegment> read_code_segment(const std::filesystem::path& path);

// The same without a file: its bytes, and a segment from them.
Result<std::vector<std::byte>> code_segment_bytes(const CodeSegment& segment);
Result<CodeSegment> parse_code_segment(std::span<const std::byte> bytes);

}  // namespace warifu
