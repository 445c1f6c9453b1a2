#include "segments/store_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "segments/file_copy.h"

namespace warifu {
namespace {

const char* hint_for(int reason) {
  switch (reason) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "make room on the disk (or raise the quota) and try again; what was acknowledged is safe";
    case EROFS:
    case EACCES:
    case EPERM:
      return "the store can only be searched here; to change it, make its folder writable";
    case EIO:
      return "the disk may be failing: copy the store elsewhere, then run 'warifu doctor'";
    default:
      return "";
  }
}

}  // namespace

Fail store_io_error(const std::filesystem::path& path, int reason) {
  const ErrorCode code = reason == ENOENT || reason == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
  return fail(code, path.string() + ": " + std::strerror(reason), hint_for(reason));
}

StoreFd::~StoreFd() {
  if (fd_ >= 0) ::close(fd_);
}

int write_fully(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

Result<void> StoreFolder::before(StoreStep step, const std::filesystem::path& file) const {
  if (!hook_) return {};
  if (const int reason = hook_(step, file); reason != 0) return store_io_error(file, reason);
  return {};
}

StoreFolder StoreFolder::parent() const {
  return StoreFolder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."), hook_);
}

Result<void> StoreFolder::create() const {
  const auto there = [this] {
    std::error_code ignored;
    return std::filesystem::is_directory(path_, ignored);
  };
  if (there()) return {};
  const StoreFolder above = parent();
  if (above.path() != path_)
    if (auto ok = above.create(); !ok) return ok;
  if (auto ok = before(StoreStep::kCreateFolder, path_); !ok) return ok;
  const int reason = ::mkdir(path_.c_str(), 0777) == 0 ? 0 : errno;
  if (reason != 0 && !there()) return store_io_error(path_, reason);
  // The folder's own name must survive, or everything in it is lost with it.
  return above.sync();
}

Result<void> StoreFolder::replace(std::string_view name, std::span<const std::byte> bytes, StoreStep step) const {
  const std::string temporary = temporary_file_name(name);
  const auto path = file(temporary);
  const auto give_up = [&](int reason) {
    ::unlink(path.c_str());
    return store_io_error(file(name), reason);
  };
  if (auto ok = before(step, file(name)); !ok) return ok;
  {
    const StoreFd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (out.get() < 0) return store_io_error(path, errno);
    if (const int reason = write_fully(out.get(), bytes); reason != 0) return give_up(reason);
    if (::fsync(out.get()) != 0) return give_up(errno);
  }
  if (auto ok = rename(temporary, name); !ok) {
    ::unlink(path.c_str());
    return ok;
  }
  return {};
}

Result<void> StoreFolder::rename(std::string_view from, std::string_view to) const {
  if (auto ok = before(StoreStep::kRename, file(to)); !ok) return ok;
  if (::rename(file(from).c_str(), file(to).c_str()) != 0) return store_io_error(file(to), errno);
  return {};
}

Result<void> StoreFolder::set_aside(std::string_view name, std::string_view second_name) const {
  const auto aside = file(second_name);
  if (auto ok = before(StoreStep::kSetAside, aside); !ok) return ok;
  // Of a repair that was cut short, or of an earlier one.
  if (::unlink(aside.c_str()) != 0 && errno != ENOENT) return store_io_error(aside, errno);
  return link_or_copy(file(name), aside);
}

Result<void> StoreFolder::sync() const {
  if (auto ok = before(StoreStep::kSyncFolder, path_); !ok) return ok;
  const StoreFd folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return store_io_error(path_, errno);
  return {};
}

void StoreFolder::remove(std::string_view name) const {
  if (before(StoreStep::kRemove, file(name))) ::unlink(file(name).c_str());
}

Result<std::vector<StoreFileName>> StoreFolder::files() const {
  std::error_code reason;
  std::vector<StoreFileName> files;
  for (std::filesystem::directory_iterator at(path_, reason), end; !reason && at != end; at.increment(reason))
    if (auto parsed = parse_store_file_name(at->path().filename().string())) files.push_back(std::move(*parsed));
  if (reason) return store_io_error(path_, reason.value());
  std::ranges::sort(files);
  return files;
}

}  // namespace warifu
