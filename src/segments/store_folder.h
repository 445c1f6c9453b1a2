#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "segments/store_names.h"

namespace warifu {

// The steps a code store changes its folder by. Between any two of them the power may go.
enum class StoreStep {
  kCreateFolder,
  kLock,
  kCreateLog,
  kWriteLog,
  kSyncLog,
  kCutLog,
  kWriteSegment,
  kWriteDeletes,
  kWriteManifest,
  kRename,
  kSyncFolder,
  kSetAside,
  kRemove,
  kReadLog,  // changes nothing, but others may change the log meanwhile
};

// For tests: called before a step on a file; what it returns (an errno) is what the step fails with, 0 lets it be done.
using StoreStepHook = std::function<int(StoreStep, const std::filesystem::path&)>;

// kIo with the system's reason and what to do about it: full, read only or forbidden disks have hints of their own.
// kNotFound where a file is missing.
Fail store_io_error(const std::filesystem::path& path, int reason);

// A file descriptor that closes itself.
class StoreFd {
 public:
  explicit StoreFd(int fd = -1) : fd_(fd) {}
  StoreFd(StoreFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  StoreFd& operator=(StoreFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~StoreFd();
  int get() const { return fd_; }

 private:
  int fd_;
};

// Writes everything at the file's place. 0, or the errno: then a part may be written.
int write_fully(int fd, std::span<const std::byte> bytes);

// The folder of a code store and the durable steps on it. Thread safety: steps on different files may run at the
// same time.
class StoreFolder {
 public:
  // "name/" is "name".
  explicit StoreFolder(const std::filesystem::path& path, StoreStepHook hook = {})
      : path_(path.has_filename() ? path : path.parent_path()), hook_(std::move(hook)) {}

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(std::string_view name) const { return path_ / name; }
  // The folder that this one's name lies in.
  StoreFolder parent() const;

  // Creates the folder and its parents where they are missing, every name durably.
  Result<void> create() const;
  // Puts `bytes` under `name` in one step (temporary file, fsync, rename). The new name is durable after sync().
  // Where it fails the old file is still there.
  Result<void> replace(std::string_view name, std::span<const std::byte> bytes, StoreStep step) const;
  // Makes names that came, went or changed durable.
  Result<void> sync() const;
  // Failing is no error: what is left is removed when the store is opened again.
  void remove(std::string_view name) const;
  Result<void> rename(std::string_view from, std::string_view to) const;
  // Gives a file that is not written to any more a second name, which nobody removes but the next one that is given it.
  // Durable after sync().
  Result<void> set_aside(std::string_view name, std::string_view second_name) const;
  // Files of code stores, by kind, then number.
  Result<std::vector<StoreFileName>> files() const;

  // Asks the hook. An error is what the step must answer.
  Result<void> before(StoreStep step, const std::filesystem::path& file) const;

 private:
  std::filesystem::path path_;
  StoreStepHook hook_;
};

}  // namespace warifu
