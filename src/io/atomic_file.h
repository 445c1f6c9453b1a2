#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace warifu {

// A file written piece by piece that appears under its name only when it is whole: what
// write_file_atomically is for bytes in memory, for those that are not. Until commit() the name
// keeps its old file; without commit() nothing is left behind. What a killed process leaves is called
// `path`.tmp. and six letters or digits.
//
// Thread safety: none; one owner.
class AtomicFile {
 public:
  // kNotFound if the folder does not exist, kIo with the system's reason.
  static Result<AtomicFile> create(const std::filesystem::path& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write(std::string_view text);

  // Flushes to the device and renames. Nothing may be written afterwards.
  Result<void> commit();

 private:
  AtomicFile(std::filesystem::path path, std::string temporary, int fd);
  Result<void> flush();
  Fail system_error(int reason) const;

  std::filesystem::path path_;
  std::string temporary_;
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace warifu
