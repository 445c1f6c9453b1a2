#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "segments/store_folder.h"

namespace warifu {

// Removes files that no manifest names any more, but not while somebody still copies them. Internal to segments/.
//
// Thread safety: everything may be called at the same time.
class ObsoleteFiles {
 public:
  explicit ObsoleteFiles(const StoreFolder& folder) : folder_(&folder) {}
  void remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (keepers_ == 0)
      folder_->remove(name);
    else
      waiting_.push_back(name);
  }

  // While one lives nothing is removed.
  class Keeper {
   public:
    explicit Keeper(ObsoleteFiles& files) : files_(&files) {
      const std::lock_guard lock(files.mutex_);
      ++files.keepers_;
    }
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;
    ~Keeper() {
      const std::lock_guard lock(files_->mutex_);
      if (--files_->keepers_ > 0) return;
      for (const std::string& name : files_->waiting_) files_->folder_->remove(name);
      files_->waiting_.clear();
    }

   private:
    ObsoleteFiles* files_;
  };

 private:
  const StoreFolder* folder_;
  std::mutex mutex_;
  int keepers_ = 0;
  std::vector<std::string> waiting_;
};

}  // namespace warifu
