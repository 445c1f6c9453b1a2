#include "segments/code_segment_format.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "base/hash.h"
#include "codes/code_blocks.h"

namespace warifu {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied between memory and file as they are");

constexpr std::string_view kMagic = "WARIFUCS";
constexpr std::size_t kVersionOffset = 8;

// The part of the header before the table of sections.
struct FixedHeader {
  std::array<char, 8> magic{};
  std::uint32_t version = kNewestSegmentVersion;
  std::uint32_t header_bytes = 0;
  std::uint32_t bits = 0;
  std::uint32_t generation = 0;
  std::uint32_t modality = 0;
  std::array<std::uint32_t, 3> name_bytes{};  // name, method, fingerprint
  std::uint64_t count = 0;
  std::int64_t first_row = 0;
  std::uint32_t row_encoding = 0;
  std::uint32_t section_count = 0;
};
constexpr std::size_t kFixedBytes = sizeof(FixedHeader);
static_assert(kFixedBytes == 64, "the layout of version 2 has no gaps");

struct TableEntry {
  std::uint32_t kind = 0;
  std::uint32_t crc = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
static_assert(sizeof(TableEntry) == 24, "the layout of version 2 has no gaps");

constexpr std::size_t kCrcBytes = sizeof(std::uint32_t);
constexpr std::uint32_t kMaxSections = 16;  // more than this version has kinds

// The file's numbers for modalities; they outlive the order of the enum.
constexpr std::array kModalities = {Modality::kImage, Modality::kText, Modality::kBoth};

constexpr std::uint64_t aligned(std::uint64_t offset) {
  return (offset + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
}

std::size_t header_bytes_for(std::size_t sections, std::size_t name_bytes) {
  return aligned(kFixedBytes + sections * sizeof(TableEntry) + name_bytes + kCrcBytes);
}

std::array<const std::string*, 3> names_of(const CodeSpace& space) {
  return {&space.name, &space.method, &space.fingerprint};
}

std::size_t names_bytes(const CodeSpace& space) {
  return space.name.size() + space.method.size() + space.fingerprint.size();
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

// The fixed part, once its lengths lie in the file and the header is the one whose checksum was written.
Result<FixedHeader> parse_fixed(std::span<const std::byte> file) {
  if (file.size() < header_bytes_for(0, 0))
    return damaged_segment(std::to_string(file.size()) + " bytes are too few for a code segment");
  FixedHeader fixed;
  std::memcpy(&fixed, file.data(), kFixedBytes);
  std::size_t name_bytes = 0;
  for (const std::uint32_t length : fixed.name_bytes) {
    if (length > kMaxSegmentNameBytes)
      return damaged_segment(at_byte(offsetof(FixedHeader, name_bytes), "a name of ") + std::to_string(length) +
                             " bytes");
    name_bytes += length;
  }
  if (fixed.section_count > kMaxSections)
    return damaged_segment(
        at_byte(offsetof(FixedHeader, section_count), std::to_string(fixed.section_count) + " sections"));
  if (fixed.header_bytes != header_bytes_for(fixed.section_count, name_bytes) || fixed.header_bytes > file.size())
    return damaged_segment(at_byte(offsetof(FixedHeader, header_bytes), "header length ") +
                           std::to_string(fixed.header_bytes));
  const auto checked = file.first(fixed.header_bytes - kCrcBytes);
  std::uint32_t crc = 0;
  std::memcpy(&crc, file.data() + checked.size(), kCrcBytes);
  if (crc != crc32c(checked)) return damaged_segment(at_byte(checked.size(), "the header's checksum does not match"));
  const std::size_t used = kFixedBytes + fixed.section_count * sizeof(TableEntry) + name_bytes;
  if (!all_zero(checked.subspan(used))) return damaged_segment(at_byte(used, "padding is not zero"));
  return fixed;
}

// What a forger may have written together with the right checksum.
Result<void> check_fields(const FixedHeader& fixed) {
  if (fixed.bits == 0 || fixed.bits > kMaxCodeBits)
    return damaged_segment(at_byte(offsetof(FixedHeader, bits), "codes of ") + std::to_string(fixed.bits) + " bits");
  if (fixed.count > kMaxSegmentCodes)
    return damaged_segment(at_byte(offsetof(FixedHeader, count), std::to_string(fixed.count) + " codes"));
  if (fixed.row_encoding > static_cast<std::uint32_t>(RowEncoding::kListed))
    return damaged_segment(at_byte(offsetof(FixedHeader, row_encoding), "row encoding ") +
                           std::to_string(fixed.row_encoding));
  // Rows are 64-bit numbers: none that a 32-bit count or offset leads to may be larger.
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max() - std::numeric_limits<std::uint32_t>::max();
  const bool counted = fixed.row_encoding != static_cast<std::uint32_t>(RowEncoding::kListed);
  if (fixed.first_row < 0 || (counted && fixed.first_row > kLast) || (fixed.count == 0 && fixed.first_row != 0))
    return damaged_segment(at_byte(offsetof(FixedHeader, first_row), "first row ") + std::to_string(fixed.first_row));
  return {};
}

Result<std::vector<SegmentSection>> parse_table(std::span<const std::byte> table) {
  std::vector<SegmentSection> sections(table.size() / sizeof(TableEntry));
  for (std::size_t i = 0; i < sections.size(); ++i) {
    TableEntry entry;
    std::memcpy(&entry, table.data() + i * sizeof(TableEntry), sizeof(TableEntry));
    if (entry.kind != static_cast<std::uint32_t>(SectionKind::kRows) &&
        entry.kind != static_cast<std::uint32_t>(SectionKind::kCodes))
      return damaged_segment(at_byte(kFixedBytes + i * sizeof(TableEntry), "section of kind ") +
                             std::to_string(entry.kind) + "; version 2 has no such");
    sections[i] = {static_cast<SectionKind>(entry.kind), entry.crc, entry.offset, entry.length};
  }
  return sections;
}

// Whether the sections are the header's, lie in the file, and nothing but zeros is beside them.
Result<void> check_places(const SegmentHeader& header, std::size_t header_bytes, std::span<const std::byte> file) {
  const auto same_place = [](const SegmentSection& a, const SegmentSection& b) {
    return a.kind == b.kind && a.offset == b.offset && a.length == b.length;
  };
  if (!std::ranges::equal(header.sections, place_sections(header), same_place))
    return damaged_segment(at_byte(kFixedBytes, "sections do not follow from the codes and rows"));
  if (header.file_bytes() != file.size())
    return damaged_segment("the sections end at byte " + std::to_string(header.file_bytes()) + ", the file at byte " +
                           std::to_string(file.size()));
  std::size_t end = header_bytes;
  for (const SegmentSection& section : header.sections) {
    if (!all_zero(file.subspan(end, section.offset - end))) return damaged_segment(at_byte(end, "padding is not zero"));
    end = section.offset + section.length;
  }
  return {};
}

}  // namespace

const SegmentSection* SegmentHeader::section(SectionKind kind) const {
  const auto found = std::ranges::find(sections, kind, &SegmentSection::kind);
  return found == sections.end() ? nullptr : &*found;
}

std::uint64_t SegmentHeader::file_bytes() const {
  return sections.empty() ? 0 : sections.back().offset + sections.back().length;
}

RowEncoding smallest_row_encoding(std::int64_t first, std::int64_t last, std::size_t count) {
  constexpr std::int64_t kReach = std::numeric_limits<std::uint32_t>::max();
  if (count == 0) return RowEncoding::kContiguous;
  if (last - first > kReach || first > std::numeric_limits<std::int64_t>::max() - kReach) return RowEncoding::kListed;
  const bool gapless = static_cast<std::uint64_t>(last - first) == count - 1;
  return gapless ? RowEncoding::kContiguous : RowEncoding::kOffsets;
}

std::vector<SegmentSection> place_sections(const SegmentHeader& header) {
  std::vector<SegmentSection> sections;
  if (header.row_encoding == RowEncoding::kOffsets)
    sections.push_back({SectionKind::kRows, 0, 0, header.count * sizeof(std::uint32_t)});
  if (header.row_encoding == RowEncoding::kListed)
    sections.push_back({SectionKind::kRows, 0, 0, header.count * sizeof(std::int64_t)});
  sections.push_back({SectionKind::kCodes, 0, 0, BlockView{nullptr, header.count, header.space.bits}.block_bytes()});
  std::uint64_t end = header_bytes_for(sections.size(), names_bytes(header.space));
  for (SegmentSection& section : sections) {
    section.offset = aligned(end);
    end = section.offset + section.length;
  }
  return sections;
}

std::vector<std::byte> segment_header_bytes(const SegmentHeader& header) {
  FixedHeader fixed;
  std::ranges::copy(kMagic, fixed.magic.begin());
  const auto names = names_of(header.space);
  for (std::size_t i = 0; i < names.size(); ++i) fixed.name_bytes[i] = static_cast<std::uint32_t>(names[i]->size());
  fixed.header_bytes = static_cast<std::uint32_t>(header_bytes_for(header.sections.size(), names_bytes(header.space)));
  fixed.bits = header.space.bits;
  fixed.generation = header.space.generation;
  fixed.modality = segment_modality_number(header.modality);
  fixed.count = header.count;
  fixed.first_row = header.first_row;
  fixed.row_encoding = static_cast<std::uint32_t>(header.row_encoding);
  fixed.section_count = static_cast<std::uint32_t>(header.sections.size());

  std::vector<std::byte> bytes(fixed.header_bytes);
  auto end = bytes.begin();
  const auto put = [&](std::span<const std::byte> part) { end = std::ranges::copy(part, end).out; };
  put(std::as_bytes(std::span(&fixed, 1)));
  for (const SegmentSection& section : header.sections) {
    const TableEntry entry{static_cast<std::uint32_t>(section.kind), section.crc, section.offset, section.length};
    put(std::as_bytes(std::span(&entry, 1)));
  }
  for (const std::string* name : names) put(std::as_bytes(std::span(*name)));
  const std::uint32_t crc = crc32c(std::span(bytes).first(bytes.size() - kCrcBytes));
  std::memcpy(bytes.data() + bytes.size() - kCrcBytes, &crc, kCrcBytes);
  return bytes;
}

Result<SegmentHeader> parse_segment_header(std::span<const std::byte> file) {
  const auto fixed = parse_fixed(file);
  if (!fixed) return std::unexpected(fixed.error());
  if (const auto ok = check_fields(*fixed); !ok) return std::unexpected(ok.error());
  const auto modality = segment_modality(fixed->modality, offsetof(FixedHeader, modality));
  if (!modality) return std::unexpected(modality.error());
  auto sections = parse_table(file.subspan(kFixedBytes, fixed->section_count * sizeof(TableEntry)));
  if (!sections) return std::unexpected(sections.error());

  SegmentHeader header;
  std::size_t offset = kFixedBytes + fixed->section_count * sizeof(TableEntry);
  const auto next_name = [&](std::uint32_t length) {
    const auto name = file.subspan(std::exchange(offset, offset + length), length);
    return std::string(reinterpret_cast<const char*>(name.data()), name.size());
  };
  header.space.name = next_name(fixed->name_bytes[0]);
  header.space.method = next_name(fixed->name_bytes[1]);
  header.space.fingerprint = next_name(fixed->name_bytes[2]);
  header.space.bits = fixed->bits;
  header.space.generation = fixed->generation;
  header.modality = *modality;
  header.count = fixed->count;
  header.row_encoding = static_cast<RowEncoding>(fixed->row_encoding);
  header.first_row = fixed->first_row;
  header.sections = std::move(*sections);
  if (const auto ok = check_places(header, fixed->header_bytes, file); !ok) return std::unexpected(ok.error());
  return header;
}

Result<std::uint32_t> segment_version(std::span<const std::byte> file) {
  std::uint32_t version = 0;
  if (file.size() < kVersionOffset + sizeof(version))
    return damaged_segment(std::to_string(file.size()) + " bytes are too few for a code segment");
  if (std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0)
    return fail(ErrorCode::kBadFormat, at_byte(0, "not a code segment (it does not begin with WARIFUCS)"));
  std::memcpy(&version, file.data() + kVersionOffset, sizeof(version));
  if (version > kNewestSegmentVersion)
    return fail(ErrorCode::kIncompatible,
                at_byte(kVersionOffset, "format version ") + std::to_string(version) +
                    "; this program knows versions up to " + std::to_string(kNewestSegmentVersion),
                "update warifu, or run 'warifu index' with this version");
  if (version == 0) return damaged_segment(at_byte(kVersionOffset, "version 0 does not exist"));
  return version;
}

Result<Modality> segment_modality(std::uint32_t number, std::size_t offset) {
  if (number >= kModalities.size()) return damaged_segment(at_byte(offset, "modality ") + std::to_string(number));
  return kModalities[number];
}

std::uint32_t segment_modality_number(Modality modality) {
  return static_cast<std::uint32_t>(std::ranges::find(kModalities, modality) - kModalities.begin());
}

Fail damaged_segment(std::string message) {
  return fail(ErrorCode::kBadFormat, std::move(message), "the file is damaged: remove it and run 'warifu index' again");
}

std::string at_byte(std::size_t offset, std::string_view field) {
  return "byte " + std::to_string(offset) + ": " + std::string(field);
}

}  // namespace warifu
