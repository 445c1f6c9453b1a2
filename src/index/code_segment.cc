#include "index/code_segment.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/hash.h"

namespace warifu {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied between memory and file as they are");

constexpr std::string_view kMagic = "WARIFUCS";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMaxNameBytes = 4096;

// The part of the header before the names: docs/reference/formats/code-segment.md.
struct FixedHeader {
  std::array<char, 8> magic{};
  std::uint32_t version = kVersion;
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

// The file's numbers for modalities; they outlive the order of the enum.
constexpr std::array kModalities = {Modality::kImage, Modality::kText, Modality::kBoth};

Fail bad(std::string message) {
  return fail(ErrorCode::kBadFormat, std::move(message), "the file is damaged: remove it and run 'warifu index' again");
}

std::string where(std::size_t offset, std::string_view field) {
  return "byte " + std::to_string(offset) + ": " + std::string(field);
}

// The first rule of a segment that `rows` or `codes` break, in words.
std::optional<std::string> broken_rule(std::span<const std::int64_t> rows, const CodeMatrix& codes) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0) return "row " + std::to_string(rows[i]) + " at position " + std::to_string(i) + " is negative";
    if (i > 0 && rows[i] <= rows[i - 1])
      return "row " + std::to_string(rows[i]) + " at position " + std::to_string(i) + " does not ascend";
  }
  if (codes.bits() % 64 == 0) return std::nullopt;
  for (std::size_t i = 0; i < codes.count(); ++i)
    if ((codes.row(i).back() >> (codes.bits() % 64)) != 0)
      return "code " + std::to_string(i) + " has bits set beyond its " + std::to_string(codes.bits());
  return std::nullopt;
}

Result<void> check_writable(const CodeSegment& segment) {
  const auto refuse = [](const std::string& message) {
    return fail(ErrorCode::kInvalidArgument, "code segment: " + message);
  };
  if (segment.space.bits == 0 || segment.space.bits > kMaxCodeBits)
    return refuse("codes of " + std::to_string(segment.space.bits) + " bits; 1 to " + std::to_string(kMaxCodeBits) +
                  " can be kept");
  if (segment.codes.bits() != segment.space.bits)
    return refuse("codes of " + std::to_string(segment.codes.bits()) + " bits in a space of " +
                  std::to_string(segment.space.bits));
  if (segment.codes.count() != segment.rows.size())
    return refuse(std::to_string(segment.codes.count()) + " codes for " + std::to_string(segment.rows.size()) +
                  " rows");
  for (const std::string* name : {&segment.space.name, &segment.space.method, &segment.space.fingerprint})
    if (name->size() > kMaxNameBytes)
      return refuse("a name of " + std::to_string(name->size()) + " bytes; at most " + std::to_string(kMaxNameBytes));
  if (const auto broken = broken_rule(segment.rows, segment.codes)) return refuse(*broken);
  return {};
}

// The header's fields, once every one of them fits the others and the size of the file.
Result<FixedHeader> parse_header(std::span<const std::byte> bytes) {
  if (bytes.size() < header_bytes_for(0))
    return bad(std::to_string(bytes.size()) + " bytes are too few for a code segment");
  FixedHeader header;
  std::memcpy(&header, bytes.data(), kFixedBytes);
  if (std::string_view(header.magic.data(), header.magic.size()) != kMagic)
    return fail(ErrorCode::kBadFormat, where(0, "not a code segment (it does not begin with WARIFUCS)"));
  if (header.version > kVersion)
    return fail(ErrorCode::kIncompatible,
                where(offsetof(FixedHeader, version), "format version ") + std::to_string(header.version) +
                    "; this program knows versions up to " + std::to_string(kVersion),
                "update warifu, or run 'warifu index' with this version");
  if (header.version != kVersion) return bad(where(offsetof(FixedHeader, version), "version 0 does not exist"));

  std::size_t name_bytes = 0;
  for (const std::uint32_t length : header.name_bytes) {
    if (length > kMaxNameBytes)
      return bad(where(offsetof(FixedHeader, name_bytes), "a name of ") + std::to_string(length) + " bytes");
    name_bytes += length;
  }
  if (header.header_bytes != header_bytes_for(name_bytes) || header.header_bytes > bytes.size())
    return bad(where(offsetof(FixedHeader, header_bytes), "header length ") + std::to_string(header.header_bytes));
  const auto checked = bytes.first(header.header_bytes - kCrcBytes);
  std::uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + checked.size(), kCrcBytes);
  if (crc != crc32c(checked)) return bad(where(checked.size(), "the header's checksum does not match"));

  // What follows was written so, or forged together with its checksum.
  if (header.bits == 0 || header.bits > kMaxCodeBits)
    return bad(where(offsetof(FixedHeader, bits), "codes of ") + std::to_string(header.bits) + " bits");
  if (header.modality >= kModalities.size())
    return bad(where(offsetof(FixedHeader, modality), "modality ") + std::to_string(header.modality));
  const auto padding = checked.subspan(kFixedBytes + name_bytes);
  if (std::ranges::any_of(padding, [](std::byte b) { return b != std::byte{0}; }))
    return bad(where(kFixedBytes + name_bytes, "padding is not zero"));
  const std::uint64_t bytes_per_code = (header.bits + 63) / 64 * sizeof(std::uint64_t);
  // A division first, so that no product below can wrap round.
  if (header.count > bytes.size() / (sizeof(std::int64_t) + bytes_per_code))
    return bad(where(offsetof(FixedHeader, count), std::to_string(header.count)) + " codes do not fit in " +
               std::to_string(bytes.size()) + " bytes");
  if (header.rows_bytes != header.count * sizeof(std::int64_t) || header.codes_bytes != header.count * bytes_per_code ||
      header.rows_offset != header.header_bytes || header.codes_offset != header.rows_offset + header.rows_bytes)
    return bad(where(offsetof(FixedHeader, rows_offset), "sections do not follow from the number of codes"));
  if (header.codes_offset + header.codes_bytes != bytes.size())
    return bad("the sections end at byte " + std::to_string(header.codes_offset + header.codes_bytes) +
               ", the file at byte " + std::to_string(bytes.size()));
  return header;
}

// A section's numbers, if they are the ones whose checksum was written. `offset` and `length` were checked.
template <typename Number>
Result<std::vector<Number>> parse_section(std::span<const std::byte> bytes, std::uint64_t offset, std::uint64_t length,
                                          std::uint32_t crc, std::string_view name) {
  const auto section = bytes.subspan(offset, length);
  if (crc32c(section) != crc) return bad(where(offset, name) + ": the section's checksum does not match");
  std::vector<Number> numbers(length / sizeof(Number));
  if (!numbers.empty()) std::memcpy(numbers.data(), section.data(), section.size());
  return numbers;
}

}  // namespace

Result<std::vector<std::byte>> code_segment_bytes(const CodeSegment& segment) {
  if (const auto ok = check_writable(segment); !ok) return std::unexpected(ok.error());
  const auto rows = std::as_bytes(std::span(segment.rows));
  const auto codes = std::as_bytes(segment.codes.words());
  const std::array names = {std::string_view(segment.space.name), std::string_view(segment.space.method),
                            std::string_view(segment.space.fingerprint)};
  FixedHeader header;
  std::ranges::copy(kMagic, header.magic.begin());
  for (std::size_t i = 0; i < names.size(); ++i) header.name_bytes[i] = static_cast<std::uint32_t>(names[i].size());
  header.header_bytes =
      static_cast<std::uint32_t>(header_bytes_for(names[0].size() + names[1].size() + names[2].size()));
  header.bits = segment.space.bits;
  header.generation = segment.space.generation;
  header.modality = static_cast<std::uint32_t>(std::ranges::find(kModalities, segment.modality) - kModalities.begin());
  header.count = segment.rows.size();
  header.rows_offset = header.header_bytes;
  header.rows_bytes = rows.size();
  header.codes_offset = header.rows_offset + header.rows_bytes;
  header.codes_bytes = codes.size();
  header.rows_crc = crc32c(rows);
  header.codes_crc = crc32c(codes);

  std::vector<std::byte> bytes(header.codes_offset + header.codes_bytes);
  std::memcpy(bytes.data(), &header, kFixedBytes);
  auto end = bytes.begin() + kFixedBytes;
  for (const std::string_view name : names) end = std::ranges::copy(std::as_bytes(std::span(name)), end).out;
  const std::size_t crc_offset = header.header_bytes - kCrcBytes;
  const std::uint32_t crc = crc32c(std::span(bytes).first(crc_offset));
  std::memcpy(bytes.data() + crc_offset, &crc, kCrcBytes);
  std::ranges::copy(rows, bytes.begin() + static_cast<std::ptrdiff_t>(header.rows_offset));
  std::ranges::copy(codes, bytes.begin() + static_cast<std::ptrdiff_t>(header.codes_offset));
  return bytes;
}

Result<CodeSegment> parse_code_segment(std::span<const std::byte> bytes) {
  const Result<FixedHeader> header = parse_header(bytes);
  if (!header) return std::unexpected(header.error());
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
  segment.modality = kModalities[header->modality];

  auto rows = parse_section<std::int64_t>(bytes, header->rows_offset, header->rows_bytes, header->rows_crc, "rows");
  if (!rows) return std::unexpected(rows.error());
  auto words =
      parse_section<std::uint64_t>(bytes, header->codes_offset, header->codes_bytes, header->codes_crc, "codes");
  if (!words) return std::unexpected(words.error());
  segment.rows = std::move(*rows);
  segment.codes = CodeMatrix(segment.rows.size(), header->bits, std::move(*words));
  if (const auto broken = broken_rule(segment.rows, segment.codes)) return bad(*broken);
  return segment;
}

Result<void> write_code_segment(const std::filesystem::path& path, const CodeSegment& segment) {
  const auto bytes = code_segment_bytes(segment);
  if (!bytes) return with_context(path.string(), bytes.error());
  return write_file_atomically(path, *bytes);
}

Result<CodeSegment> read_code_segment(const std::filesystem::path& path) {
  constexpr std::size_t kMaxFileBytes = std::size_t{1} << 40;
  const auto bytes = read_file(path, kMaxFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto segment = parse_code_segment(*bytes);
  if (!segment) return with_context(path.string(), segment.error());
  return segment;
}

}  // namespace warifu
