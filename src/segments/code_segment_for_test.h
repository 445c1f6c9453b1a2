#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "segments/code_segment.h"

// A small segment, the files that are kept of every format, and what is needed to damage their bytes. For tests.
namespace warifu {

using Bytes = std::vector<std::byte>;

// The segment in tests/data/formats/v1/code_segment.wcs and code_segment_v2.wcs, in the words of its version 1.
inline CodeSegment small_segment() {
  CodeSegment segment;
  segment.space = {"割符", "cca-itq", "0123456789abcdef", 70, 3};
  segment.modality = Modality::kText;
  segment.rows = {0, 7, 1LL << 40};
  segment.codes = CodeMatrix(3, 70, {1, 2, ~0ULL, 0x3F, 0xFEDCBA9876543210, 0});
  return segment;
}

inline std::filesystem::path kept_file(const char* name) {
  return std::filesystem::path(WARIFU_FORMATS_DIR) / "v1" / name;
}
inline Bytes kept_bytes(const char* name) { return *read_file(kept_file(name), 1 << 20); }

inline void expect_same(const CodeSegment& read, const CodeSegment& written) {
  EXPECT_EQ(read.space, written.space);
  EXPECT_EQ(read.modality, written.modality);
  EXPECT_EQ(read.rows, written.rows);
  EXPECT_EQ(read.codes.bits(), written.codes.bits());
  EXPECT_TRUE(std::ranges::equal(read.codes.words(), written.codes.words()));
}

template <typename Number>
void put_number(Bytes& bytes, std::size_t offset, Number value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}
template <typename Number>
Number number_at(const Bytes& bytes, std::size_t offset) {
  Number value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

}  // namespace warifu
