#pragma once

#include "base/error.h"
#include "segments/store_folder.h"

namespace warifu {

// The right to change a code store, between processes and between objects of one process: an flock on a file of the
// folder, which holds the owner's pid for people. The system releases it when the owner dies, so it is never stale;
// the file stays, because removing it would let two owners in.
class StoreLock {
 public:
  // kUnavailable, naming the holder's pid, if somebody else has it. Creates the file.
  static Result<StoreLock> take(const StoreFolder& folder);

 private:
  explicit StoreLock(StoreFd file) : file_(std::move(file)) {}
  StoreFd file_;
};

}  // namespace warifu
