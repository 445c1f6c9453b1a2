#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file_descriptor.h"

namespace warifu {
namespace {

Result<std::size_t> checked_size(int fd, const std::filesystem::path& path, std::size_t max_bytes) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return system_error(path, errno);
  if (S_ISDIR(status.st_mode)) return fail(ErrorCode::kInvalidArgument, path.string() + ": is a folder, not a file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > max_bytes)
    return fail(ErrorCode::kInvalidArgument,
                path.string() + ": " + std::to_string(size) + " bytes, the limit is " + std::to_string(max_bytes));
  return size;
}

// Reads until the end (a pipe or /proc file has no size), never past max_bytes.
template <typename Buffer>
Result<Buffer> read_whole(const std::filesystem::path& path, std::size_t max_bytes) {
  // Opening a named pipe that nobody writes must not hang; reading then waits for those who do.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return system_error(path, errno);
  ::fcntl(file.get(), F_SETFL, ::fcntl(file.get(), F_GETFL) & ~O_NONBLOCK);
  const auto size = checked_size(file.get(), path, max_bytes);
  if (!size) return std::unexpected(size.error());
  Buffer buffer;
  buffer.resize(*size + 1);
  std::size_t filled = 0;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data() + filled, buffer.size() - filled);
    if (got < 0) {
      if (errno == EINTR) continue;
      return system_error(path, errno);
    }
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > max_bytes)
      return fail(ErrorCode::kInvalidArgument, path.string() + ": more than " + std::to_string(max_bytes) + " bytes");
    if (filled == buffer.size()) buffer.resize(buffer.size() * 2);
  }
  buffer.resize(filled);
  return buffer;
}

}  // namespace

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  return read_whole<std::vector<std::byte>>(path, max_bytes);
}

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t max_bytes) {
  return read_whole<std::string>(path, max_bytes);
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::string temporary = path.string() + ".XXXXXX";
  FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0) return system_error(path, errno);
  const auto give_up = [&](int reason) {
    ::unlink(temporary.c_str());
    return system_error(path, reason);
  };
  ::fchmod(file.get(), 0644);
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return give_up(errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) return give_up(errno);
  if (::close(file.release()) != 0) return give_up(errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up(errno);
  // The new name must survive a power cut too.
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const FileDescriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
  return {};
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  return write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace warifu
