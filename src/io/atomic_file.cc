#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

namespace warifu {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

// 0, or the errno of the write that failed.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

Fail named_error(const std::filesystem::path& path, int reason) {
  const ErrorCode code = reason == ENOENT || reason == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
  return fail(code, path.string() + ": " + std::strerror(reason));
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path) {
  std::string temporary = path.string() + ".tmp.XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return named_error(path, errno);
  ::fchmod(fd, 0644);
  return AtomicFile(path, std::move(temporary), fd);
}

AtomicFile::AtomicFile(std::filesystem::path path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Fail AtomicFile::system_error(int reason) const { return named_error(path_, reason); }

Result<void> AtomicFile::flush() {
  if (const int reason = write_all(fd_, buffer_); reason != 0) return system_error(reason);
  buffer_.clear();
  return {};
}

Result<void> AtomicFile::write(std::string_view text) {
  assert(fd_ >= 0 && "an atomic file is written before it is committed");
  if (text.size() < kBufferBytes) {
    buffer_ += text;
    return buffer_.size() < kBufferBytes ? Result<void>{} : flush();
  }
  if (auto flushed = flush(); !flushed) return flushed;
  if (const int reason = write_all(fd_, text); reason != 0) return system_error(reason);
  return {};
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  return write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Result<void> AtomicFile::commit() {
  if (auto flushed = flush(); !flushed) return flushed;
  if (::fsync(fd_) != 0) return system_error(errno);
  if (::close(std::exchange(fd_, -1)) != 0) return system_error(errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return system_error(errno);
  temporary_.clear();
  // The new name must survive a power cut too.
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return {};  // it may be written to but not read; nothing more can be done
  // Some file systems cannot do this for folders and say so; a failed write is something else.
  const int failure = ::fsync(directory) == 0 || errno == EINVAL ? 0 : errno;
  ::close(directory);
  if (failure != 0) return system_error(failure);
  return {};
}

}  // namespace warifu
