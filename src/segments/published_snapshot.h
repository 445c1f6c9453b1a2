#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "segments/code_snapshot.h"

namespace warifu {

// The newest snapshot of a store, for any number of readers and one writer. Internal to segments/.
class PublishedSnapshot {
 public:
  std::shared_ptr<const CodeSnapshot> load() const {
    const std::lock_guard lock(mutex_);
    return newest_;
  }
  void store(std::shared_ptr<const CodeSnapshot> snapshot) {
    {
      const std::lock_guard lock(mutex_);
      newest_.swap(snapshot);
    }
    // The former one may end here: outside the lock, because that takes time.
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const CodeSnapshot> newest_;
};

}  // namespace warifu
