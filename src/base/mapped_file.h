#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/error.h"

namespace warifu {

// A file's bytes as memory, read only and without copying: a page is read when it is first looked at, and the
// operating system may drop it again. bytes() begins at a page, so that what lies in the file at a multiple of 64
// does in memory.
//
// The file must not be shortened or written to while it is mapped: reading a page that is gone ends the process
// (SIGBUS). Replace a file by renaming another over it; the mapping keeps the old one.
//
// Thread safety: it is read only.
class MappedFile {
 public:
  // kNotFound if there is none; kInvalidArgument for what is no regular file; kIo with the system's reason.
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

  // Says that all of it is about to be read, so that the operating system reads ahead what is not in memory yet. A
  // hint; nothing depends on it.
  void expect_whole_read() const;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

}  // namespace warifu
