#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "segments/code_bytes.h"
#include "segments/faiss_file.h"
#include "segments/faiss_format.h"

namespace warifu {
namespace {

// Goes through the bytes of a file and never past its end.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }
  Fail bad(const std::string& message) const { return bad_at(position_, message); }
  static Fail bad_at(std::size_t position, const std::string& message) {
    return fail(ErrorCode::kBadFormat, "byte " + std::to_string(position) + ": " + message);
  }

  Result<std::span<const std::byte>> take(std::uint64_t count, std::string_view name) {
    if (count > left())
      return bad("the file ends within " + std::string(name) + ", which " + std::to_string(count) + " bytes are for");
    return bytes_.subspan(std::exchange(position_, position_ + count), count);
  }

  template <typename Number>
  Result<Number> number(std::string_view name) {
    const auto bytes = take(sizeof(Number), name);
    if (!bytes) return std::unexpected(bytes.error());
    Number value{};
    std::memcpy(&value, bytes->data(), sizeof(value));
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

Result<std::string> take_kind(Cursor& cursor) {
  const auto letters = cursor.take(4, "the kind of index");
  if (!letters) return std::unexpected(letters.error());
  return std::string(reinterpret_cast<const char*>(letters->data()), letters->size());
}

// The part of a file that is one header, or the first field that is wrong.
Result<FaissIndexHeader> take_header(Cursor& cursor, bool is_map) {
  constexpr std::size_t kHeaderBytes = 21;
  const std::size_t begin = cursor.position();
  if (cursor.left() < kHeaderBytes) return cursor.bad("the file ends within the header of an index");
  FaissIndexHeader header;
  header.bits = *cursor.number<std::int32_t>("d");
  header.code_bytes = *cursor.number<std::int32_t>("code_size");
  header.count = *cursor.number<std::int64_t>("ntotal");
  header.is_trained = *cursor.number<std::uint8_t>("is_trained");
  header.metric = *cursor.number<std::int32_t>("metric_type");
  if (header.bits <= 0 || header.bits % 8 != 0 || header.bits > static_cast<std::int32_t>(kMaxCodeBits))
    return Cursor::bad_at(begin, "codes of " + std::to_string(header.bits) + " bits");
  if (header.code_bytes != header.bits / 8 && !(is_map && header.code_bytes == 0))
    return Cursor::bad_at(
        begin + 4, std::to_string(header.code_bytes) + " bytes for codes of " + std::to_string(header.bits) + " bits");
  if (header.count < 0) return Cursor::bad_at(begin + 8, std::to_string(header.count) + " codes");
  if (header.is_trained != 1) return Cursor::bad_at(begin + 16, "an index that is not trained");
  if (header.metric != kFaissMetricL2) return Cursor::bad_at(begin + 17, "metric " + std::to_string(header.metric));
  return header;
}

Fail other_kind(std::string_view kind, std::size_t position) {
  const bool printable = std::ranges::all_of(kind, [](char c) { return c > ' ' && c <= '~'; });
  if (!printable || !kind.starts_with('I')) return Cursor::bad_at(position, "not an index of FAISS");
  return fail(ErrorCode::kInvalidArgument,
              "byte " + std::to_string(position) + ": an index of kind " + std::string(kind) + " cannot be read",
              "write an IndexBinaryFlat, or an IndexBinaryIDMap of one, with faiss.write_index_binary");
}

Result<CodeMatrix> take_flat(Cursor& cursor) {
  const std::size_t begin = cursor.position();
  const auto kind = take_kind(cursor);
  if (!kind) return std::unexpected(kind.error());
  if (*kind != kFaissFlat) return other_kind(*kind, begin);
  const auto header = take_header(cursor, false);
  if (!header) return std::unexpected(header.error());
  const std::size_t size_at = cursor.position();
  const auto size = cursor.number<std::uint64_t>("the size of the codes");
  if (!size) return std::unexpected(size.error());
  const auto code_size = static_cast<std::uint64_t>(header->code_bytes);
  // A division, so that no product can wrap round.
  if (*size % code_size != 0 || *size / code_size != static_cast<std::uint64_t>(header->count))
    return Cursor::bad_at(size_at, std::to_string(*size) + " bytes for " + std::to_string(header->count) +
                                       " codes of " + std::to_string(header->bits) + " bits");
  const auto bytes = cursor.take(*size, "the codes");
  if (!bytes) return std::unexpected(bytes.error());
  return codes_from_bytes({reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size()},
                          static_cast<std::size_t>(header->bits));
}

Result<std::vector<std::int64_t>> take_ids(Cursor& cursor, std::size_t count) {
  const std::size_t begin = cursor.position();
  const auto size = cursor.number<std::uint64_t>("the number of ids");
  if (!size) return std::unexpected(size.error());
  if (*size != count)
    return Cursor::bad_at(begin, std::to_string(*size) + " ids for " + std::to_string(count) + " codes");
  const auto bytes = cursor.take(count * sizeof(std::int64_t), "the ids");
  if (!bytes) return std::unexpected(bytes.error());
  std::vector<std::int64_t> ids(count);
  if (count > 0) std::memcpy(ids.data(), bytes->data(), bytes->size());
  if (const auto broken = broken_faiss_ids(ids)) return Cursor::bad_at(begin, *broken);
  return ids;
}

Result<FaissCodes> take_id_map(Cursor& cursor) {
  const std::size_t begin = cursor.position();
  const auto header = take_header(cursor, true);
  if (!header) return std::unexpected(header.error());
  auto codes = take_flat(cursor);
  if (!codes) return std::unexpected(codes.error());
  if (codes->bits() != static_cast<std::size_t>(header->bits) ||
      codes->count() != static_cast<std::size_t>(header->count))
    return Cursor::bad_at(begin, "a map of " + std::to_string(header->count) + " codes of " +
                                     std::to_string(header->bits) + " bits over an index of " +
                                     std::to_string(codes->count()) + " of " + std::to_string(codes->bits()));
  auto ids = take_ids(cursor, codes->count());
  if (!ids) return std::unexpected(ids.error());
  return FaissCodes{std::move(*ids), std::move(*codes)};
}

Result<FaissCodes> take_numbered(Cursor& cursor) {
  auto codes = take_flat(cursor);
  if (!codes) return std::unexpected(codes.error());
  FaissCodes read{std::vector<std::int64_t>(codes->count()), std::move(*codes)};
  std::iota(read.rows.begin(), read.rows.end(), 0);
  return read;
}

}  // namespace

Result<FaissCodes> parse_faiss(std::span<const std::byte> bytes) {
  Cursor cursor(bytes);
  Cursor ahead = cursor;
  const auto kind = take_kind(ahead);
  if (!kind) return std::unexpected(kind.error());
  const bool is_map = *kind == kFaissIdMap || *kind == kFaissIdMap2;
  if (is_map) cursor = ahead;
  auto codes = is_map ? take_id_map(cursor) : take_numbered(cursor);
  if (codes && cursor.left() > 0)
    return cursor.bad(std::to_string(cursor.left()) + " bytes follow the end of the index");
  return codes;
}

Result<FaissCodes> read_faiss_file(const std::filesystem::path& path) {
  constexpr std::size_t kMaxFileBytes = std::size_t{1} << 40;
  const auto bytes = read_file(path, kMaxFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto codes = parse_faiss(*bytes);
  if (!codes) return with_context(path.string(), codes.error());
  return codes;
}

}  // namespace warifu
