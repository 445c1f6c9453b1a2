#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/hash.h"
#include "io/atomic_file.h"
#include "segments/byte_sink.h"
#include "segments/code_segment.h"
#include "segments/code_segment_format.h"
#include "segments/code_segment_rules.h"

namespace warifu {
namespace {

// What a segment is written from, wherever it lies.
struct SegmentParts {
  const CodeSpace& space;
  Modality modality;
  std::span<const std::int64_t> rows;
  const BlockView& codes;
};

Fail refuse(const std::string& message) { return fail(ErrorCode::kInvalidArgument, "code segment: " + message); }

Result<void> check_space(const CodeSpace& space) {
  if (space.bits == 0 || space.bits > kMaxCodeBits)
    return refuse("codes of " + std::to_string(space.bits) + " bits; 1 to " + std::to_string(kMaxCodeBits) +
                  " can be kept");
  for (const std::string* name : {&space.name, &space.method, &space.fingerprint})
    if (name->size() > kMaxSegmentNameBytes)
      return refuse("a name of " + std::to_string(name->size()) + " bytes; at most " +
                    std::to_string(kMaxSegmentNameBytes));
  return {};
}

Result<void> check_sizes(const CodeSpace& space, std::size_t rows, std::size_t codes, std::size_t bits) {
  if (bits != space.bits)
    return refuse("codes of " + std::to_string(bits) + " bits in a space of " + std::to_string(space.bits));
  if (codes != rows) return refuse(std::to_string(codes) + " codes for " + std::to_string(rows) + " rows");
  if (codes > kMaxSegmentCodes)
    return refuse(std::to_string(codes) + " codes; at most " + std::to_string(kMaxSegmentCodes) + " in one segment");
  return {};
}

Result<void> check_writable(const SegmentParts& parts) {
  if (auto ok = check_space(parts.space); !ok) return ok;
  if (auto ok = check_sizes(parts.space, parts.rows.size(), parts.codes.count, parts.codes.bits); !ok) return ok;
  if (const auto broken = broken_rows(parts.rows)) return refuse(*broken);
  if (const auto broken = broken_padding(parts.codes)) return refuse(*broken);
  return {};
}

// What blocks of a CodeMatrix would no longer show.
Result<void> check_matrix(const CodeSegment& segment) {
  if (auto ok = check_space(segment.space); !ok) return ok;
  const CodeMatrix& codes = segment.codes;
  if (auto ok = check_sizes(segment.space, segment.rows.size(), codes.count(), codes.bits()); !ok) return ok;
  if (const auto broken = broken_padding(codes)) return refuse(*broken);
  return {};
}

Result<void> put_offsets(std::span<const std::int64_t> rows, const ByteSink& sink) {
  std::array<std::uint32_t, 4096> piece;
  for (std::size_t begin = 0; begin < rows.size(); begin += piece.size()) {
    const auto part = rows.subspan(begin, std::min(piece.size(), rows.size() - begin));
    std::ranges::transform(part, piece.begin(),
                           [&](std::int64_t row) { return static_cast<std::uint32_t>(row - rows[0]); });
    if (auto ok = sink(std::as_bytes(std::span(piece).first(part.size()))); !ok) return ok;
  }
  return {};
}

// Whole blocks as they are; of the last one only the lanes that count.
Result<void> put_codes(const BlockView& codes, const ByteSink& sink) {
  const std::size_t block_bytes = codes.bytes_per_code() * kBlockCodes;
  const std::span planes(codes.planes, codes.block_bytes());
  const std::size_t whole = codes.count / kBlockCodes * block_bytes;
  if (auto ok = sink(std::as_bytes(planes.first(whole))); !ok) return ok;
  std::vector<std::uint8_t> last(planes.begin() + static_cast<std::ptrdiff_t>(whole), planes.end());
  for (std::size_t plane = 0; plane < last.size(); plane += kBlockCodes)
    std::fill_n(last.begin() + static_cast<std::ptrdiff_t>(plane + codes.count % kBlockCodes),
                kBlockCodes - codes.count % kBlockCodes, std::uint8_t{0});
  return sink(std::as_bytes(std::span(last)));
}

Result<void> put_section(const SegmentParts& parts, RowEncoding encoding, SectionKind kind, const ByteSink& sink) {
  if (kind == SectionKind::kCodes) return put_codes(parts.codes, sink);
  return encoding == RowEncoding::kOffsets ? put_offsets(parts.rows, sink) : sink(std::as_bytes(parts.rows));
}

// The header with every checksum: the sections are gone through once before they are written.
SegmentHeader header_of(const SegmentParts& parts) {
  SegmentHeader header;
  header.space = parts.space;
  header.modality = parts.modality;
  header.count = parts.codes.count;
  if (!parts.rows.empty()) {
    header.first_row = parts.rows.front();
    header.row_encoding = smallest_row_encoding(parts.rows.front(), parts.rows.back(), parts.rows.size());
  }
  header.sections = place_sections(header);
  for (SegmentSection& section : header.sections) {
    const ByteSink checksum = [&](std::span<const std::byte> bytes) {
      section.crc = crc32c(bytes, section.crc);
      return Result<void>{};
    };
    [[maybe_unused]] const auto never_fails = put_section(parts, header.row_encoding, section.kind, checksum);
  }
  return header;
}

Result<void> put_segment(const SegmentParts& parts, const ByteSink& sink) {
  constexpr std::array<std::byte, kSectionAlignment> kZeros{};
  const SegmentHeader header = header_of(parts);
  const auto header_bytes = segment_header_bytes(header);
  if (auto ok = sink(header_bytes); !ok) return ok;
  std::uint64_t end = header_bytes.size();
  for (const SegmentSection& section : header.sections) {
    if (auto ok = sink(std::span(kZeros).first(section.offset - end)); !ok) return ok;
    if (auto ok = put_section(parts, header.row_encoding, section.kind, sink); !ok) return ok;
    end = section.offset + section.length;
  }
  return {};
}

}  // namespace

Result<std::vector<std::byte>> code_segment_bytes(const CodeSegment& segment) {
  if (auto ok = check_matrix(segment); !ok) return std::unexpected(ok.error());
  const CodeBlocks blocks(segment.codes);
  const BlockView codes = blocks.view();
  const SegmentParts parts{segment.space, segment.modality, segment.rows, codes};
  if (auto ok = check_writable(parts); !ok) return std::unexpected(ok.error());
  std::vector<std::byte> bytes;
  const auto append = [&](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return Result<void>{};
  };
  if (auto ok = put_segment(parts, append); !ok) return std::unexpected(ok.error());
  return bytes;
}

Result<void> write_code_segment(const std::filesystem::path& path, const CodeSegment& segment) {
  if (auto ok = check_matrix(segment); !ok) return with_context(path.string(), ok.error());
  const CodeBlocks blocks(segment.codes);
  return write_code_segment(path, segment.space, segment.modality, segment.rows, blocks.view());
}

Result<void> write_code_segment(const std::filesystem::path& path, const CodeSpace& space, Modality modality,
                                std::span<const std::int64_t> rows, const BlockView& codes) {
  const SegmentParts parts{space, modality, rows, codes};
  if (auto ok = check_writable(parts); !ok) return with_context(path.string(), ok.error());
  auto file = AtomicFile::create(path);
  if (!file) return std::unexpected(file.error());
  if (auto ok = put_segment(parts, [&](std::span<const std::byte> bytes) { return file->write(bytes); }); !ok)
    return ok;
  return file->commit();
}

}  // namespace warifu
