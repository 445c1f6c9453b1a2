#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codes/code_space.h"

// The header of code segments and what both versions of the format share: docs/reference/formats/code-segment.md.
// Internal to segments/: outside, use code_segment.h and mapped_segment.h.
namespace warifu {

inline constexpr std::uint32_t kNewestSegmentVersion = 2;
inline constexpr std::size_t kMaxSegmentNameBytes = 4096;
inline constexpr std::size_t kMaxSegmentCodes = (std::size_t{1} << 32) - 64;  // of a BlockView
inline constexpr std::size_t kSectionAlignment = 64;

// How the rows lie in the file; the values are the file's. Of a list of rows only the smallest is valid.
enum class RowEncoding : std::uint32_t {
  kContiguous = 0,  // numbered through from first_row; no section
  kOffsets = 1,     // uint32 from first_row
  kListed = 2,      // int64
};

enum class SectionKind : std::uint32_t { kRows = 1, kCodes = 2 };

struct SegmentSection {
  SectionKind kind = SectionKind::kCodes;
  std::uint32_t crc = 0;     // CRC-32C of its bytes
  std::uint64_t offset = 0;  // from the start of the file, a multiple of 64
  std::uint64_t length = 0;  // bytes
};

// The header of version 2 in native types.
struct SegmentHeader {
  CodeSpace space;
  Modality modality = Modality::kImage;
  std::uint64_t count = 0;  // at most kMaxSegmentCodes
  RowEncoding row_encoding = RowEncoding::kContiguous;
  std::int64_t first_row = 0;            // >= 0; 0 where there are no codes
  std::vector<SegmentSection> sections;  // in the order of the file

  const SegmentSection* section(SectionKind kind) const;  // null: it has none
  std::uint64_t file_bytes() const;
};

// Of `count` ascending rows between `first` and `last`.
RowEncoding smallest_row_encoding(std::int64_t first, std::int64_t last, std::size_t count);

// The sections that a header with these codes and rows has, at their places; checksums are 0.
std::vector<SegmentSection> place_sections(const SegmentHeader& header);

std::vector<std::byte> segment_header_bytes(const SegmentHeader& header);

// `file` is the whole file and hostile. Every field, each section's bounds, the header's checksum and the zeros
// between sections are checked; what the sections hold is not.
Result<SegmentHeader> parse_segment_header(std::span<const std::byte> file);

// 1 … kNewestSegmentVersion; kIncompatible for a newer one, kBadFormat where the file is no code segment.
Result<std::uint32_t> segment_version(std::span<const std::byte> file);

// The file's numbers for modalities; they outlive the order of the enum.
Result<Modality> segment_modality(std::uint32_t number, std::size_t offset);
std::uint32_t segment_modality_number(Modality modality);

// kBadFormat with the hint for a damaged segment, and "byte 40: field" for its message.
Fail damaged_segment(std::string message);
std::string at_byte(std::size_t offset, std::string_view field);

}  // namespace warifu
