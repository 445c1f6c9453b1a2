#include "io/mat_check.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
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

Fail damaged(std::uint64_t offset, std::string_view what) {
  return fail(ErrorCode::kBadFormat, "the file is damaged: at byte " + std::to_string(offset) + " " + std::string(what),
              "save or download the file again");
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

}  // namespace

Result<void> check_mat_whole(int file) {
  struct stat status {};
  std::array<std::byte, kHeaderBytes> header{};
  if (::fstat(file, &status) != 0) return fail(ErrorCode::kIo, "the file cannot be read");
  if (::pread(file, header.data(), header.size(), 0) != static_cast<ssize_t>(header.size())) return {};
  const std::string_view order(reinterpret_cast<const char*>(header.data()) + 126, 2);
  const std::string_view version(reinterpret_cast<const char*>(header.data()) + 124, 2);
  const bool big_endian = order == "MI";
  if (!big_endian && order != "IM") return {};
  if (version[big_endian ? 0 : 1] != 1) return {};  // 0x0100 is version 5, 0x0200 is 7.3

  const auto end = static_cast<std::uint64_t>(status.st_size);
  for (std::uint64_t offset = kHeaderBytes; offset < end;) {
    std::array<std::byte, 8> bytes{};
    if (::pread(file, bytes.data(), bytes.size(), static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes.size()))
      return damaged(offset, "it ends within the head of a variable");
    const Tag tag = tag_at(bytes.data(), big_endian);
    if (end - offset - bytes.size() < tag.bytes)
      return damaged(offset, "a variable of " + std::to_string(tag.bytes) + " bytes begins, more than the file has");
    offset += bytes.size();
    if (tag.type == kCompressed)
      if (auto whole = check_compressed(file, offset, tag.bytes); !whole) return whole;
    offset += tag.bytes;
  }
  return {};
}

}  // namespace warifu
