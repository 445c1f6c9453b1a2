// Attacks the readers of code segments (docs/reference/formats/code-segment.md). A checksum stops
// nearly every mutation at the door, so each input is also tried with its checksums made right, as
// a forger would. What is then accepted must be seen alike by the reader and by the view that is
// searched in place, and of version 2 be written back to the same bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "base/hash.h"
#include "segments/code_segment.h"
#include "segments/code_segment_view.h"

namespace {

using Bytes = std::vector<std::byte>;

template <typename Number>
Number number_at(const Bytes& bytes, std::size_t offset) {
  Number value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

void put_crc(Bytes& bytes, std::size_t at, std::uint64_t offset, std::uint64_t length) {
  if (at + 4 > bytes.size() || offset > bytes.size() || length > bytes.size() - offset) return;
  const std::uint32_t crc = warifu::crc32c(std::span(bytes).subspan(offset, length));
  std::memcpy(bytes.data() + at, &crc, sizeof(crc));
}

void repair_sections_v1(Bytes& bytes) {
  put_crc(bytes, 80, number_at<std::uint64_t>(bytes, 48), number_at<std::uint64_t>(bytes, 56));
  put_crc(bytes, 84, number_at<std::uint64_t>(bytes, 64), number_at<std::uint64_t>(bytes, 72));
}

void repair_sections_v2(Bytes& bytes) {
  constexpr std::size_t kTable = 64, kEntryBytes = 24;
  const std::size_t sections = std::min<std::size_t>(number_at<std::uint32_t>(bytes, 60), 16);
  for (std::size_t entry = kTable; entry < kTable + sections * kEntryBytes; entry += kEntryBytes)
    if (entry + kEntryBytes <= bytes.size())
      put_crc(bytes, entry + 4, number_at<std::uint64_t>(bytes, entry + 8),
              number_at<std::uint64_t>(bytes, entry + 16));
}

void repair_checksums(Bytes& bytes) {
  constexpr std::size_t kFixedBytes = 88;  // of version 1; the shortest header of version 2 is longer
  if (bytes.size() < kFixedBytes) return;
  if (number_at<std::uint32_t>(bytes, 8) == 1)
    repair_sections_v1(bytes);
  else
    repair_sections_v2(bytes);
  const auto header_bytes = number_at<std::uint32_t>(bytes, 12);
  if (header_bytes >= kFixedBytes + 4) put_crc(bytes, header_bytes - 4, 0, header_bytes - 4);
}

void require(bool holds) {
  if (!holds) std::abort();
}

// The view that only looked at the header: whatever lies in the sections, it must be safe to go through.
void go_through(const warifu::CodeSegmentView& view) {
  require(view.rows.count() == view.codes.count);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < view.rows.count(); ++i) sum ^= view.rows[i];
  static_cast<void>(view.rows.find(sum));
  static_cast<void>(warifu::unblock(view.codes));
}

void expect_same(const warifu::CodeSegmentView& view, const warifu::CodeSegment& segment) {
  require(view.space == segment.space && view.modality == segment.modality);
  require(view.rows.count() == segment.rows.size());
  for (std::size_t i = 0; i < segment.rows.size(); ++i) require(view.rows[i] == segment.rows[i]);
  require(std::ranges::equal(warifu::unblock(view.codes).words(), segment.codes.words()));
}

void read_and_write_back(const Bytes& bytes) {
  const auto header_only = warifu::view_code_segment(bytes, warifu::SegmentCheck::kHeader);
  if (header_only) go_through(*header_only);
  const auto view = warifu::view_code_segment(bytes, warifu::SegmentCheck::kWhole);
  require(!view || header_only);
  const auto segment = warifu::parse_code_segment(bytes);
  if (!segment) {
    require(!view);
    return;
  }
  const auto again = warifu::code_segment_bytes(*segment);
  require(again.has_value());
  if (number_at<std::uint32_t>(bytes, 8) == 1) {
    const auto in_version_2 = warifu::view_code_segment(*again, warifu::SegmentCheck::kWhole);
    require(in_version_2.has_value());
    expect_same(*in_version_2, *segment);
  } else {
    require(view && *again == bytes);
    expect_same(*view, *segment);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  Bytes bytes(input.begin(), input.end());
  read_and_write_back(bytes);
  repair_checksums(bytes);
  read_and_write_back(bytes);
  return 0;
}
