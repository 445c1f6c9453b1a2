#include "segments/store_backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>
#include <system_error>
#include <vector>

namespace warifu {
namespace {

// The first `bytes` of a file (or all of it) as a new durable file.
Result<void> copy_file(const std::filesystem::path& from, const std::filesystem::path& to, std::size_t bytes) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  const StoreFd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.get() < 0) return store_io_error(from, errno);
  const StoreFd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (out.get() < 0) return store_io_error(to, errno);
  std::vector<std::byte> piece(kPiece);
  while (bytes > 0) {
    const ssize_t got = ::read(in.get(), piece.data(), std::min(kPiece, bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return store_io_error(from, errno);
    if (got == 0) break;
    bytes -= static_cast<std::size_t>(got);
    if (const int reason = write_fully(out.get(), std::span(piece).first(static_cast<std::size_t>(got))); reason != 0)
      return store_io_error(to, reason);
  }
  if (::fsync(out.get()) != 0) return store_io_error(to, errno);
  return {};
}

// A second name where the file system has such, for a file that never changes.
Result<void> link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return {};
  return copy_file(from, to, std::numeric_limits<std::size_t>::max());
}

Result<void> fill(const StoreFolder& from, const BackupPlan& plan, const StoreFolder& to) {
  std::vector<std::string> names;
  names.reserve(plan.manifest.segments.size() + plan.manifest.deletes.size());
  for (const StoredSegment& segment : plan.manifest.segments) names.push_back(segment.file_name());
  for (const StoredDeletes& deletes : plan.manifest.deletes) names.push_back(deletes_file_name(deletes.number));
  for (const std::string& name : names)
    if (auto ok = link_or_copy(from.file(name), to.file(name)); !ok) return ok;
  const std::string log = log_file_name(plan.manifest.log_number);
  if (auto ok = copy_file(from.file(log), to.file(log), plan.log_bytes); !ok) return ok;
  if (auto ok = to.replace(kStoreManifestName, manifest_bytes(plan.manifest), StoreStep::kWriteManifest); !ok)
    return ok;
  return to.sync();
}

}  // namespace

Result<void> write_backup(const StoreFolder& from, const BackupPlan& plan, const std::filesystem::path& target) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, ignored)))
    return fail(ErrorCode::kInvalidArgument, target.string() + ": exists already", "name a new folder for the copy");
  const auto parent = target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
  std::string partial = target.string() + ".partial-XXXXXX";
  if (::mkdtemp(partial.data()) == nullptr) return store_io_error(parent, errno);
  std::filesystem::permissions(partial, std::filesystem::perms(0755), ignored);
  auto done = fill(from, plan, StoreFolder(partial));
  if (done && ::rename(partial.c_str(), target.c_str()) != 0) done = store_io_error(target, errno);
  if (!done) {
    std::filesystem::remove_all(partial, ignored);
    return done;
  }
  return StoreFolder(parent).sync();
}

}  // namespace warifu
