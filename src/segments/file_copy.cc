#include "segments/file_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <span>
#include <vector>

#include "segments/store_folder.h"

namespace warifu {
namespace {

constexpr std::size_t kWholeFile = std::numeric_limits<std::size_t>::max();

}  // namespace

Result<void> copy_durably(const std::filesystem::path& from, const std::filesystem::path& to, std::size_t bytes) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  const StoreFd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.get() < 0) return store_io_error(from, errno);
  const StoreFd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (out.get() < 0) return store_io_error(to, errno);
  const bool bytes_known = bytes != kWholeFile;
  std::vector<std::byte> piece(kPiece);
  while (bytes > 0) {
    const ssize_t got = ::read(in.get(), piece.data(), std::min(kPiece, bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return store_io_error(from, errno);
    if (got == 0 && bytes_known) return fail(ErrorCode::kIo, from.string() + ": shorter than it was");
    if (got == 0) break;
    bytes -= static_cast<std::size_t>(got);
    if (const int reason = write_fully(out.get(), std::span(piece).first(static_cast<std::size_t>(got))); reason != 0)
      return store_io_error(to, reason);
  }
  if (::fsync(out.get()) != 0) return store_io_error(to, errno);
  return {};
}

Result<void> link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return {};
  return copy_durably(from, to, kWholeFile);
}

}  // namespace warifu
