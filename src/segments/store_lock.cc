#include "segments/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
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

Result<StoreLock> StoreLock::take(const StoreFolder& folder) {
  const auto path = folder.file(kStoreLockName);
  if (auto ok = folder.before(StoreStep::kLock, path); !ok) return std::unexpected(ok.error());
  StoreFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (file.get() < 0) return store_io_error(path, errno);
  int status = 0;
  do status = ::flock(file.get(), LOCK_EX | LOCK_NB);
  while (status != 0 && errno == EINTR);
  if (status != 0 && errno != EWOULDBLOCK) return store_io_error(path, errno);
  if (status != 0)
    return fail(ErrorCode::kUnavailable, path.string() + ": " + holder(file.get()) + " is changing this store",
                "wait until it has finished, then try again; searching does not need to wait");
  // The pid only helps a person; a full disk must not stop the owner here.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.get(), 0) == 0) static_cast<void>(::pwrite(file.get(), pid.data(), pid.size(), 0) == 0);
  return StoreLock(std::move(file));
}

}  // namespace warifu
