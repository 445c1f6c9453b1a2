#include "io/mat_check.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace warifu {
namespace {

constexpr std::uint64_t kHeaderBytes = 128;
constexpr std::uint64_t kMaxVariableBytes = (std::uint64_t{1} << 32) + 8;  // lengths have 32 bits
constexpr std::uint32_t kCompressed = 15;

struct Tag {
  std::uint32_t type = 0;
  std::uint32_t bytes = 0;
};

Tag tag_at(const std::byte* at, bool big_endian) {
  Tag tag;
  std::memcpy(&tag.type, at, 4);
  std::memcpy(&tag.bytes, at + 4, 4);
  if (big_endian != (std::endian::native == std::endian::big)) {
    tag.type = __builtin_bswap32(tag.type);
    tag.bytes = __builtin_bswap32(tag.bytes);
  }
  return tag;
}

bool read_at(int file, std::uint64_t offset, std::span<std::byte> bytes) {
  return ::pread(file, bytes.data(), bytes.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes.size());
}

Fail not_matlab() {
  return fail(ErrorCode::kBadFormat, "not a MATLAB file (version 4, 5 or 7.3)", "check that MATLAB opens it");
}

Fail damaged(std::uint64_t offset, std::string_view what) {
  return fail(ErrorCode::kBadFormat, "the file is damaged: at byte " + std::to_string(offset) + " " + std::string(what),
              "save or download the file again");
}

Fail too_short(std::uint64_t offset, std::uint64_t bytes) {
  return damaged(offset, "a variable of " + std::to_string(bytes) + " bytes begins, more than the file has");
}

struct Inflate {
  z_stream stream{};
  bool ready = inflateInit(&stream) == Z_OK;
  Inflate() = default;
  Inflate(const Inflate&) = delete;
  Inflate& operator=(const Inflate&) = delete;
  ~Inflate() { inflateEnd(&stream); }
};

// The compressed element of `size` bytes at `offset`. The length declared inside is not compared:
// libmatio itself writes a wrong one for text.
Result<void> check_compressed(int file, std::uint64_t offset, std::uint64_t size) {
  Inflate inflater;
  if (!inflater.ready) return fail(ErrorCode::kUnavailable, "no memory to unpack");
  std::vector<std::byte> in(std::size_t{1} << 16), out(std::size_t{1} << 18);
  std::uint64_t taken = 0, given = 0;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (inflater.stream.avail_in == 0) {
      const auto want = std::min<std::uint64_t>(in.size(), size - taken);
      const auto got = want == 0 ? 0 : ::pread(file, in.data(), want, static_cast<off_t>(offset + taken));
      if (got <= 0) return damaged(offset, "a compressed variable ends early");
      taken += static_cast<std::uint64_t>(got);
      inflater.stream.next_in = reinterpret_cast<Bytef*>(in.data());
      inflater.stream.avail_in = static_cast<uInt>(got);
    }
    inflater.stream.next_out = reinterpret_cast<Bytef*>(out.data());
    inflater.stream.avail_out = static_cast<uInt>(out.size());
    status = inflate(&inflater.stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      return damaged(offset, "a compressed variable does not unpack");
    given += out.size() - inflater.stream.avail_out;
    if (given > kMaxVariableBytes) return damaged(offset, "a compressed variable is longer than any may be");
  }
  return {};
}

Result<void> check_version5(int file, std::uint64_t end, bool big_endian) {
  for (std::uint64_t offset = kHeaderBytes; offset < end;) {
    std::array<std::byte, 8> bytes{};
    if (!read_at(file, offset, bytes)) return damaged(offset, "it ends within the head of a variable");
    const Tag tag = tag_at(bytes.data(), big_endian);
    if (end - offset - bytes.size() < tag.bytes) return too_short(offset, tag.bytes);
    offset += bytes.size();
    if (tag.type == kCompressed)
      if (auto whole = check_compressed(file, offset, tag.bytes); !whole) return whole;
    offset += tag.bytes;
  }
  return {};
}

// Five numbers: type, rows, columns, whether complex, length of the name. The type's decimal digits say byte
// order, zero, number format, and full, text or sparse.
struct Version4Head {
  std::array<std::uint32_t, 5> numbers{};

  std::uint32_t digit(std::uint32_t unit) const { return numbers[0] / unit % 10; }
  bool makes_sense(bool big_endian) const {
    constexpr std::uint32_t kMaxName = 1024;
    return numbers[0] < 2000 && digit(1000) == (big_endian ? 1 : 0) && digit(100) == 0 && digit(10) <= 5 &&
           digit(1) <= 2 && numbers[1] <= INT32_MAX && numbers[2] <= INT32_MAX && numbers[3] <= 1 && numbers[4] >= 1 &&
           numbers[4] <= kMaxName;
  }
  std::uint64_t bytes() const {
    constexpr std::array<std::uint64_t, 6> kWidths = {8, 4, 4, 2, 2, 1};
    const std::uint64_t elements = std::uint64_t{numbers[1]} * numbers[2];  // below 2^62
    if (elements >= std::uint64_t{1} << 56) return UINT64_MAX;              // no file has that many
    return elements * kWidths[digit(10)] * (1 + numbers[3]) + numbers[4];
  }
};

std::optional<Version4Head> version4_head(int file, std::uint64_t offset) {
  Version4Head head;
  if (!read_at(file, offset, std::as_writable_bytes(std::span(head.numbers)))) return std::nullopt;
  constexpr bool kBigMachine = std::endian::native == std::endian::big;
  if (head.makes_sense(kBigMachine)) return head;
  for (std::uint32_t& number : head.numbers) number = __builtin_bswap32(number);
  return head.makes_sense(!kBigMachine) ? std::optional(head) : std::nullopt;
}

Result<void> check_version4(int file, std::uint64_t end) {
  for (std::uint64_t offset = 0; offset < end;) {
    const auto head = version4_head(file, offset);
    if (!head && offset == 0) return not_matlab();
    if (!head) return damaged(offset, "no variable begins, though one should");
    offset += sizeof head->numbers;
    if (end - offset < head->bytes()) return too_short(offset, head->bytes());
    offset += head->bytes();
  }
  return end == 0 ? not_matlab() : Result<void>();
}

}  // namespace

Result<void> check_mat_whole(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return fail(ErrorCode::kIo, "the file cannot be read");
  const auto end = static_cast<std::uint64_t>(status.st_size);
  std::array<std::byte, kHeaderBytes> header{};
  if (!read_at(file, 0, header)) return check_version4(file, end);
  const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
  if (text.starts_with("\x89HDF"))
    return fail(ErrorCode::kBadFormat, "an HDF5 file without the header that MATLAB writes",
                "save it with MATLAB's '-v7.3', or its arrays as .npy");
  const bool big_endian = text.ends_with("MI");
  if (!big_endian && !text.ends_with("IM")) return check_version4(file, end);
  const char version = text[big_endian ? 124 : 125];
  if (version == 2) return {};  // 7.3
  return version == 1 ? check_version5(file, end, big_endian) : not_matlab();
}

}  // namespace warifu
