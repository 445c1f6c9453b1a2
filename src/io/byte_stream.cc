#include "io/byte_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace warifu {
namespace {

constexpr unsigned kZlibBufferBytes = 256U << 10;
constexpr std::size_t kMaxReadBytes = std::size_t{1} << 30;  // gzread counts in int

}  // namespace

void ByteStream::Close::operator()(gzFile_s* file) const { ::gzclose_r(file); }

Result<ByteStream> ByteStream::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a named pipe that nobody writes must not hang; it has no effect on files.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const ErrorCode code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
    return fail(code, path.string() + ": " + std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return fail(ErrorCode::kInvalidArgument,
                path.string() + (S_ISDIR(status.st_mode) ? ": is a folder, not a file" : ": is not a regular file"));
  }
  gzFile_s* file = ::gzdopen(fd, "rb");
  if (file == nullptr) {
    ::close(fd);
    return fail(ErrorCode::kIo, path.string() + ": not enough memory to read it");
  }
  ::gzbuffer(file, kZlibBufferBytes);
  ByteStream stream(file);
  stream.file_bytes_ = static_cast<std::uint64_t>(status.st_size);
  if (::gzdirect(file) == 1) stream.plain_size_ = static_cast<std::uint64_t>(status.st_size);
  return stream;
}

Result<std::size_t> ByteStream::read(std::span<std::byte> out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const auto wanted = static_cast<unsigned>(std::min(out.size() - filled, kMaxReadBytes));
    const int got = ::gzread(file_.get(), out.data() + filled, wanted);
    if (got > 0) filled += static_cast<std::size_t>(got);
    if (got == static_cast<int>(wanted)) continue;
    int reason = Z_OK;
    const char* text = ::gzerror(file_.get(), &reason);
    if (reason == Z_ERRNO) return fail(ErrorCode::kIo, std::strerror(errno));
    if (reason == Z_BUF_ERROR)
      return fail(ErrorCode::kBadFormat, "the compressed data ends too early", "copy the file again");
    if (reason != Z_OK && reason != Z_STREAM_END)
      return fail(ErrorCode::kBadFormat, std::string("the compressed data is damaged (") + text + ")",
                  "copy the file again");
    break;
  }
  given_ += filled;
  return filled;
}

double ByteStream::share_done(std::size_t kept) const {
  if (file_bytes_ == 0 || given_ == 0) return 0;
  const auto given = static_cast<double>(given_);
  const double on_disk = plain_size_ ? given : static_cast<double>(::gzoffset(file_.get()));
  return (given - static_cast<double>(kept)) / given * on_disk / static_cast<double>(file_bytes_);
}

}  // namespace warifu
