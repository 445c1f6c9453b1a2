#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "base/error.h"

struct gzFile_s;  // zlib

namespace warifu {

// The bytes of a file from its start, once. A gzip-compressed file is decompressed on the way,
// whatever its name; any other comes as it is.
//
// Thread safety: none; one owner.
class ByteStream {
 public:
  // kNotFound, kInvalidArgument for a folder, kIo with the system's reason.
  static Result<ByteStream> open(const std::filesystem::path& path);

  // Fills `out`; returns how many bytes, fewer only at the end of the file. kBadFormat if the
  // compressed data is damaged or ends too early, kIo if the device cannot be read. Messages do
  // not name the file: the caller knows the place better (a line, an array).
  Result<std::size_t> read(std::span<std::byte> out);

  // Size of the file in bytes if it is a plain (not compressed) regular file.
  std::optional<std::uint64_t> plain_size() const { return plain_size_; }

  // How much of the file its reader is done with, 0 … 1, if it still holds `kept` bytes of what read() gave.
  // For progress only: of a compressed file it is an estimate.
  double share_done(std::size_t kept) const;

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };
  explicit ByteStream(gzFile_s* file) : file_(file) {}

  std::unique_ptr<gzFile_s, Close> file_;
  std::optional<std::uint64_t> plain_size_;
  std::uint64_t file_bytes_ = 0;  // as it lies on the disk
  std::uint64_t given_ = 0;       // bytes that read() gave
};

}  // namespace warifu
