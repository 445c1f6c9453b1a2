#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "base/progress.h"
#include "engine/live_space.h"
#include "engine/workspace.h"

namespace warifu {

struct BackupReport {
  std::filesystem::path target;
  std::size_t files = 0;
  std::uint64_t bytes = 0;
};

// A copy of a workspace that is being served, in a new folder `target` that appears under its name when it is whole.
// Runs between writes (engine/item_writer.h): items and codes are of one moment; searches go on. Files that never
// change (models, pictures, segments) are hard links where the file system allows; a later copy to another disk makes
// them independent. What people said of answers is of the same moment or a
// little later. Left out: thumbnails and jobs, and users, keys and audit, which belong to this server and not to
// the items.
//
// kInvalidArgument if the target exists or lies inside the workspace; kIo, and then nothing is left of it.
Result<BackupReport> backup_workspace(Workspace& workspace, LiveSpace& live, const std::filesystem::path& target,
                                      ProgressSink& progress);

}  // namespace warifu
