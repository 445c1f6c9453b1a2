#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/error.h"
#include "codes/code_matrix.h"
#include "codes/code_space.h"

namespace warifu {

// Codes of one space and modality with the item row of each, as they lie in a file.
struct CodeSegment {
  CodeSpace space;
  Modality modality = Modality::kImage;
  std::vector<std::int64_t> rows;  // ascending, without repeats; rows[i] names codes.row(i)
  CodeMatrix codes;
};

// Byte layout: docs/reference/formats/code-segment.md. Atomic.
Result<void> write_code_segment(const std::filesystem::path& path, const CodeSegment& segment);

// The file is hostile: every length is checked against the file's size and each section against
// its CRC-32C. kBadFormat names the place; a newer version is kIncompatible with a hint.
Result<CodeSegment> read_code_segment(const std::filesystem::path& path);

}  // namespace warifu
