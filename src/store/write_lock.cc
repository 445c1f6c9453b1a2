#include "store/write_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

namespace warifu {
namespace {

// What the holder wrote; it may be about to write it.
std::string holder(int fd) {
  std::array<char, 20> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  const std::string_view digits(text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  const std::size_t end = std::min(digits.find_first_not_of("0123456789"), digits.size());
  return end == 0 ? "another process" : "process " + std::string(digits.substr(0, end));
}

}  // namespace

Result<WriteLock> WriteLock::take(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return fail(ErrorCode::kIo, path.string() + ": " + std::strerror(errno));
  int status = 0;
  do status = ::flock(fd, LOCK_EX | LOCK_NB);
  while (status != 0 && errno == EINTR);
  if (status != 0) {
    const int reason = errno;
    const std::string other = holder(fd);
    ::close(fd);
    if (reason != EWOULDBLOCK) return fail(ErrorCode::kIo, path.string() + ": " + std::strerror(reason));
    return fail(ErrorCode::kUnavailable, path.string() + ": " + other + " is writing this workspace",
                "wait until it has finished, then run the command again");
  }
  WriteLock lock(fd);
  // The pid only helps a person; a full disk must not stop the owner here.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) == 0) static_cast<void>(::pwrite(fd, pid.data(), pid.size(), 0) == 0);
  return lock;
}

WriteLock::~WriteLock() {
  if (fd_ < 0) return;
  static_cast<void>(::ftruncate(fd_, 0) == 0);
  ::close(fd_);
}

}  // namespace warifu
