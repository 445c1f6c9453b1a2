#include "segments/code_segment_view.h"

#include <cassert>
#include <string>
#include <utility>

#include "base/hash.h"
#include "segments/code_segment_format.h"
#include "segments/code_segment_rules.h"

namespace warifu {
namespace {

// The numbers of the section with the rows; the header's check made sure that it has `count` of them.
template <typename Number>
std::span<const Number> listed_rows(std::span<const std::byte> file, const SegmentHeader& header) {
  const SegmentSection& section = *header.section(SectionKind::kRows);
  return {reinterpret_cast<const Number*>(file.data() + section.offset), static_cast<std::size_t>(header.count)};
}

RowsView rows_in(std::span<const std::byte> file, const SegmentHeader& header) {
  switch (header.row_encoding) {
    case RowEncoding::kContiguous:
      break;
    case RowEncoding::kOffsets:
      return RowsView::offsets(header.first_row, listed_rows<std::uint32_t>(file, header), true);
    case RowEncoding::kListed:
      return RowsView::listed(listed_rows<std::int64_t>(file, header), true);
  }
  return RowsView::contiguous(header.first_row, header.count);
}

BlockView codes_in(std::span<const std::byte> file, const SegmentHeader& header) {
  const SegmentSection& section = *header.section(SectionKind::kCodes);
  return {reinterpret_cast<const std::uint8_t*>(file.data() + section.offset), header.count, header.space.bits};
}

Result<void> check_checksums(std::span<const std::byte> file, const SegmentHeader& header) {
  for (const SegmentSection& section : header.sections)
    if (crc32c(file.subspan(section.offset, section.length)) != section.crc)
      return damaged_segment(at_byte(section.offset, section.kind == SectionKind::kRows ? "rows" : "codes") +
                             ": the section's checksum does not match");
  return {};
}

Result<void> check_rows(std::span<const std::byte> file, const SegmentHeader& header) {
  std::optional<std::string> broken;
  if (header.row_encoding == RowEncoding::kOffsets)
    broken = broken_rows(header.first_row, listed_rows<std::uint32_t>(file, header));
  if (header.row_encoding == RowEncoding::kListed) broken = broken_rows(listed_rows<std::int64_t>(file, header));
  if (broken) return damaged_segment(*broken);
  if (header.count == 0 && header.row_encoding == RowEncoding::kContiguous) return {};
  // One way to write a list of rows, so that equal segments are equal files.
  const RowsView rows = rows_in(file, header);
  if (rows.count() == 0 || header.row_encoding != smallest_row_encoding(rows[0], rows[rows.count() - 1], rows.count()))
    return damaged_segment("row encoding " + std::to_string(static_cast<std::uint32_t>(header.row_encoding)) +
                           " is not the smallest for these rows");
  if (rows[0] != header.first_row)
    return damaged_segment("the first row is " + std::to_string(rows[0]) + ", the header says " +
                           std::to_string(header.first_row));
  return {};
}

Result<void> check_sections(std::span<const std::byte> file, const SegmentHeader& header) {
  if (auto ok = check_checksums(file, header); !ok) return ok;
  if (auto ok = check_rows(file, header); !ok) return ok;
  const BlockView codes = codes_in(file, header);
  if (const auto broken = broken_padding(codes)) return damaged_segment(*broken);
  if (const auto broken = broken_lanes(codes)) return damaged_segment(*broken);
  return {};
}

}  // namespace

Result<CodeSegmentView> view_code_segment(std::span<const std::byte> file, SegmentCheck check) {
  assert(reinterpret_cast<std::uintptr_t>(file.data()) % alignof(std::int64_t) == 0 && "rows are read in place");
  const auto version = segment_version(file);
  if (!version) return std::unexpected(version.error());
  if (*version != kNewestSegmentVersion)
    return fail(ErrorCode::kBadFormat, "a segment of version " + std::to_string(*version) + " cannot be viewed");
  auto header = parse_segment_header(file);
  if (!header) return std::unexpected(header.error());
  if (check == SegmentCheck::kWhole)
    if (const auto ok = check_sections(file, *header); !ok) return std::unexpected(ok.error());
  CodeSegmentView view;
  view.rows = rows_in(file, *header);
  view.codes = codes_in(file, *header);
  view.modality = header->modality;
  view.space = std::move(header->space);
  return view;
}

}  // namespace warifu
