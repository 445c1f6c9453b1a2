#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "io/atomic_file.h"
#include "segments/byte_sink.h"
#include "segments/code_bytes.h"
#include "segments/faiss_file.h"
#include "segments/faiss_format.h"

namespace warifu {
namespace {

Fail refuse(const std::string& message) { return fail(ErrorCode::kInvalidArgument, "FAISS index: " + message); }

Result<void> check_codes(const CodeMatrix& codes) {
  if (codes.bits() == 0 || codes.bits() % 8 != 0 || codes.bits() > kMaxCodeBits)
    return refuse("codes of " + std::to_string(codes.bits()) + " bits; FAISS takes multiples of 8");
  return {};
}

Result<void> check_rows(std::span<const std::int64_t> rows, const CodeMatrix& codes) {
  if (rows.size() != codes.count())
    return refuse(std::to_string(codes.count()) + " codes for " + std::to_string(rows.size()) + " rows");
  if (const auto broken = broken_faiss_ids(rows)) return refuse(*broken);
  return {};
}

void append_number(std::vector<std::byte>& bytes, auto number) {
  const auto part = std::as_bytes(std::span(&number, 1));
  bytes.insert(bytes.end(), part.begin(), part.end());
}

void append_header(std::vector<std::byte>& bytes, std::string_view kind, const FaissIndexHeader& header) {
  const auto letters = std::as_bytes(std::span(kind));
  bytes.insert(bytes.end(), letters.begin(), letters.end());
  append_number(bytes, header.bits);
  append_number(bytes, header.code_bytes);
  append_number(bytes, header.count);
  append_number(bytes, header.is_trained);
  append_number(bytes, header.metric);
}

Result<void> put_flat(const CodeMatrix& codes, std::vector<std::byte> before, const ByteSink& sink) {
  constexpr std::size_t kPieceCodes = 4096;
  FaissIndexHeader header;
  header.bits = static_cast<std::int32_t>(codes.bits());
  header.code_bytes = header.bits / 8;
  header.count = static_cast<std::int64_t>(codes.count());
  append_header(before, kFaissFlat, header);
  append_number(before, std::uint64_t{codes.count()} * (codes.bits() / 8));
  if (auto ok = sink(before); !ok) return ok;
  for (std::size_t begin = 0; begin < codes.count(); begin += kPieceCodes) {
    const auto piece = code_bytes(codes, begin, std::min(begin + kPieceCodes, codes.count()));
    if (auto ok = sink(std::as_bytes(std::span(piece))); !ok) return ok;
  }
  return {};
}

Result<void> put_id_map(std::span<const std::int64_t> rows, const CodeMatrix& codes, const ByteSink& sink) {
  std::vector<std::byte> outer;
  FaissIndexHeader header;
  header.bits = static_cast<std::int32_t>(codes.bits());
  header.count = static_cast<std::int64_t>(rows.size());
  append_header(outer, kFaissIdMap, header);
  if (auto ok = put_flat(codes, std::move(outer), sink); !ok) return ok;
  std::vector<std::byte> size;
  append_number(size, std::uint64_t{rows.size()});
  if (auto ok = sink(size); !ok) return ok;
  return sink(std::as_bytes(rows));
}

// What `put` gives its sink, in memory.
Result<std::vector<std::byte>> bytes_of(const auto& put) {
  std::vector<std::byte> bytes;
  const auto append = [&](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return Result<void>{};
  };
  if (auto ok = put(ByteSink(append)); !ok) return std::unexpected(ok.error());
  return bytes;
}

// The same, in a file.
Result<void> write_to(const std::filesystem::path& path, const auto& put) {
  auto file = AtomicFile::create(path);
  if (!file) return std::unexpected(file.error());
  if (auto ok = put(ByteSink([&](std::span<const std::byte> piece) { return file->write(piece); })); !ok) return ok;
  return file->commit();
}

}  // namespace

Result<std::vector<std::byte>> faiss_flat_bytes(const CodeMatrix& codes) {
  if (auto ok = check_codes(codes); !ok) return std::unexpected(ok.error());
  return bytes_of([&](const ByteSink& sink) { return put_flat(codes, {}, sink); });
}

Result<std::vector<std::byte>> faiss_id_map_bytes(std::span<const std::int64_t> rows, const CodeMatrix& codes) {
  if (auto ok = check_codes(codes); !ok) return std::unexpected(ok.error());
  if (auto ok = check_rows(rows, codes); !ok) return std::unexpected(ok.error());
  return bytes_of([&](const ByteSink& sink) { return put_id_map(rows, codes, sink); });
}

Result<void> write_faiss_flat(const std::filesystem::path& path, const CodeMatrix& codes) {
  if (auto ok = check_codes(codes); !ok) return with_context(path.string(), ok.error());
  return write_to(path, [&](const ByteSink& sink) { return put_flat(codes, {}, sink); });
}

Result<void> write_faiss_id_map(const std::filesystem::path& path, std::span<const std::int64_t> rows,
                                const CodeMatrix& codes) {
  if (auto ok = check_codes(codes); !ok) return with_context(path.string(), ok.error());
  if (auto ok = check_rows(rows, codes); !ok) return with_context(path.string(), ok.error());
  return write_to(path, [&](const ByteSink& sink) { return put_id_map(rows, codes, sink); });
}

}  // namespace warifu
