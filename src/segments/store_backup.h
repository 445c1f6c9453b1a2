#pragma once

#include <cstddef>
#include <filesystem>

#include "base/error.h"
#include "segments/store_folder.h"
#include "segments/store_manifest.h"

namespace warifu {

// What a copy of a store consists of.
struct BackupPlan {
  StoreManifest manifest;
  std::size_t log_bytes = 0;  // of its log that are durable
};

// Links or copies the files of `plan` into a new folder, which gets the name `target` when all of it is durable;
// parents that are missing are created. The files must not be removed meanwhile; that the log grows does not matter.
// Internal to segments/.
//
// kInvalidArgument if the target exists; kIo, and then nothing is left of it.
Result<void> write_backup(const StoreFolder& from, const BackupPlan& plan, const std::filesystem::path& target);

}  // namespace warifu
