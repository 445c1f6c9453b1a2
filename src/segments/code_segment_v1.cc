#include "segments/code_segment_v1.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "segments/code_segment_format.h"
#include "segments/code_segment_rules.h"

namespace warifu {
namespace {

// The part of the header before the names: docs/reference/formats/code-segment.md.
struct FixedHeader {
  std::array<char, 8> magic{};
  std::uint32_t version = 0;
  std::uint32_t header_bytes = 0;
  std::uint32_t bits = 0;
  std::uint32_t generation = 0;
  std::uint32_t modality = 0;
  std::array<std::uint32_t, 3> name_bytes{};  // name, method, fingerprint
  std::uint64_t count = 0;
  std::uint64_t rows_offset = 0;
  std::uint64_t rows_bytes = 0;
  std::uint64_t codes_offset = 0;
  std::uint64_t codes_bytes = 0;
  std::uint32_t rows_crc = 0;
  std::uint32_t codes_crc = 0;
};
constexpr std::size_t kFixedBytes = sizeof(FixedHeader);
static_assert(kFixedBytes == 88, "the layout of version 1 has no gaps");

constexpr std::size_t kCrcBytes = sizeof(std::uint32_t);

constexpr std::size_t header_bytes_for(std::size_t name_bytes) {
  return (kFixedBytes + name_bytes + kCrcBytes + 7) / 8 * 8;
}

// The header's fields, once every one of them fits the others and the size of the file.
Result<FixedHeader> parse_header(std::span<const std::byte> bytes) {
  if (bytes.size() < header_bytes_for(0))
    return damaged_segment(std::to_string(bytes.size()) + " bytes are too few for a code segment");
  FixedHeader header;
  std::memcpy(&header, bytes.data(), kFixedBytes);
  std::size_t name_bytes = 0;
  for (const std::uint32_t length : header.name_bytes) {
    if (length > kMaxSegmentNameBytes)
      return damaged_segment(at_byte(offsetof(FixedHeader, name_bytes), "a name of ") + std::to_string(length) +
                             " bytes");
    name_bytes += length;
  }
  if (header.header_bytes != header_bytes_for(name_bytes) || header.header_bytes > bytes.size())
    return damaged_segment(at_byte(offsetof(FixedHeader, header_bytes), "header length ") +
                           std::to_string(header.header_bytes));
  const auto checked = bytes.first(header.header_bytes - kCrcBytes);
  std::uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + checked.size(), kCrcBytes);
  if (crc != crc32c(checked)) return damaged_segment(at_byte(checked.size(), "the header's checksum does not match"));

  // What follows was written so, or forged together with its checksum.
  if (header.bits == 0 || header.bits > kMaxCodeBits)
    return damaged_segment(at_byte(offsetof(FixedHeader, bits), "codes of ") + std::to_string(header.bits) + " bits");
  const auto padding = checked.subspan(kFixedBytes + name_bytes);
  if (std::ranges::any_of(padding, [](std::byte b) { return b != std::byte{0}; }))
    return damaged_segment(at_byte(kFixedBytes + name_bytes, "padding is not zero"));
  const std::uint64_t bytes_per_code = (header.bits + 63) / 64 * sizeof(std::uint64_t);
  // A division first, so that no product below can wrap round.
  if (header.count > bytes.size() / (sizeof(std::int64_t) + bytes_per_code))
    return damaged_segment(at_byte(offsetof(FixedHeader, count), std::to_string(header.count)) +
                           " codes do not fit in " + std::to_string(bytes.size()) + " bytes");
  if (header.rows_bytes != header.count * sizeof(std::int64_t) || header.codes_bytes != header.count * bytes_per_code ||
      header.rows_offset != header.header_bytes || header.codes_offset != header.rows_offset + header.rows_bytes)
    return damaged_segment(
        at_byte(offsetof(FixedHeader, rows_offset), "sections do not follow from the number of codes"));
  if (header.codes_offset + header.codes_bytes != bytes.size())
    return damaged_segment("the sections end at byte " + std::to_string(header.codes_offset + header.codes_bytes) +
                           ", the file at byte " + std::to_string(bytes.size()));
  return header;
}

// A section's numbers, if they are the ones whose checksum was written. `offset` and `length` were checked.
template <typename Number>
Result<std::vector<Number>> parse_section(std::span<const std::byte> bytes, std::uint64_t offset, std::uint64_t length,
                                          std::uint32_t crc, std::string_view name) {
  const auto section = bytes.subspan(offset, length);
  if (crc32c(section) != crc) return damaged_segment(at_byte(offset, name) + ": the section's checksum does not match");
  std::vector<Number> numbers(length / sizeof(Number));
  if (!numbers.empty()) std::memcpy(numbers.data(), section.data(), section.size());
  return numbers;
}

}  // namespace

Result<CodeSegment> parse_code_segment_v1(std::span<const std::byte> bytes) {
  const Result<FixedHeader> header = parse_header(bytes);
  if (!header) return std::unexpected(header.error());
  const auto modality = segment_modality(header->modality, offsetof(FixedHeader, modality));
  if (!modality) return std::unexpected(modality.error());
  CodeSegment segment;
  std::size_t offset = kFixedBytes;
  const auto next_name = [&](std::uint32_t length) {
    const auto name = bytes.subspan(std::exchange(offset, offset + length), length);
    return std::string(reinterpret_cast<const char*>(name.data()), name.size());
  };
  segment.space.name = next_name(header->name_bytes[0]);
  segment.space.method = next_name(header->name_bytes[1]);
  segment.space.fingerprint = next_name(header->name_bytes[2]);
  segment.space.bits = header->bits;
  segment.space.generation = header->generation;
  segment.modality = *modality;

  auto rows = parse_section<std::int64_t>(bytes, header->rows_offset, header->rows_bytes, header->rows_crc, "rows");
  if (!rows) return std::unexpected(rows.error());
  auto words =
      parse_section<std::uint64_t>(bytes, header->codes_offset, header->codes_bytes, header->codes_crc, "codes");
  if (!words) return std::unexpected(words.error());
  segment.rows = std::move(*rows);
  segment.codes = CodeMatrix(segment.rows.size(), header->bits, std::move(*words));
  if (const auto broken = broken_rows(segment.rows)) return damaged_segment(*broken);
  if (const auto broken = broken_padding(segment.codes)) return damaged_segment(*broken);
  return segment;
}

}  // namespace warifu
