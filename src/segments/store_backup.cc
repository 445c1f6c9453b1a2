#include "segments/store_backup.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

#include "segments/file_copy.h"
#include "segments/store_files.h"

namespace warifu {
namespace {

Result<void> fill(const StoreFolder& from, const BackupPlan& plan, const StoreFolder& to) {
  std::vector<std::string> names;
  names.reserve(plan.manifest.segments.size() + plan.manifest.deletes.size());
  for (const StoredSegment& segment : plan.manifest.segments) names.push_back(segment.file_name());
  for (const StoredDeletes& deletes : plan.manifest.deletes) names.push_back(deletes_file_name(deletes.number));
  for (const std::string& name : names)
    if (auto ok = link_or_copy(from.file(name), to.file(name)); !ok) return ok;
  const std::string log = log_file_name(plan.manifest.log_number);
  if (auto ok = copy_durably(from.file(log), to.file(log), plan.log_bytes); !ok) return ok;
  if (auto ok = write_manifest(to, plan.manifest); !ok) return ok;
  return to.sync();
}

}  // namespace

Result<void> write_backup(const StoreFolder& from, const BackupPlan& plan, const std::filesystem::path& named) {
  const StoreFolder whole(named);
  const std::filesystem::path& target = whole.path();
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, ignored)))
    return fail(ErrorCode::kInvalidArgument, target.string() + ": exists already", "name a new folder for the copy");
  const StoreFolder parent = whole.parent();
  if (auto ok = parent.create(); !ok) return ok;
  std::string partial = target.string() + ".partial-XXXXXX";
  if (::mkdtemp(partial.data()) == nullptr) return store_io_error(parent.path(), errno);
  std::filesystem::permissions(partial, std::filesystem::perms(0755), ignored);
  auto done = fill(from, plan, StoreFolder(partial));
  if (done && ::rename(partial.c_str(), target.c_str()) != 0) done = store_io_error(target, errno);
  if (!done) {
    std::filesystem::remove_all(partial, ignored);
    return done;
  }
  return parent.sync();
}

}  // namespace warifu
