#pragma once

#include <filesystem>
#include <utility>

#include "base/error.h"

namespace warifu {

// The right to write, between processes and between objects of one process: an flock on a file that
// holds the owner's pid. The system releases it when the owner dies, so it is never stale; the file
// stays, because removing it would let two owners in.
class WriteLock {
 public:
  // kUnavailable, naming the holder's pid, if somebody else has it. Creates the file.
  static Result<WriteLock> take(const std::filesystem::path& path);
  WriteLock(WriteLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  WriteLock& operator=(WriteLock&&) = delete;
  ~WriteLock();

 private:
  explicit WriteLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace warifu
