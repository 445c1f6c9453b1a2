#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"

namespace warifu {

// A change on its way to the log.
struct PendingChange {
  std::vector<std::uint64_t> record;  // of change_words()
  Result<void> result;
  bool done = false;
};

// Puts the changes of many callers together: whoever waits first commits everything that is queued, so that one
// fsync serves all, and the others only wait for it (a leader and its followers; DeWitt et al., "Implementation
// Techniques for Main Memory Database Systems", SIGMOD 1984, section 5, call it group commit). There is no thread of
// its own: without contention a change costs no switch. Internal to segments/.
//
// Thread safety: everything may be called at the same time.
class CommitQueue {
 public:
  using Group = std::span<const std::shared_ptr<PendingChange>>;
  // Called by one thread at a time, in the order of submission. Sets the result of each.
  using Commit = std::function<void(Group)>;
  explicit CommitQueue(Commit commit) : commit_(std::move(commit)) {}

  // Queues a change. It begins to be written when somebody waits, or when much is queued: then this call takes part.
  std::shared_ptr<PendingChange> submit(std::vector<std::uint64_t> record);
  Result<void> wait(const PendingChange& change);
  // Commits everything that was submitted before.
  void drain();

 private:
  // Commits a group, or waits until another thread has committed one. `lock` holds mutex_.
  void take_part(std::unique_lock<std::mutex>& lock);
  // Gives those whom the last commit woke the time to come again: with all of them a group costs one fsync, without
  // half of them two. Callers that come one at a time never wait here.
  void gather(std::unique_lock<std::mutex>& lock);
  std::vector<std::shared_ptr<PendingChange>> next_group();

  Commit commit_;
  std::mutex mutex_;
  std::condition_variable committed_;
  std::condition_variable gathered_;
  std::size_t expected_ = 0;  // changes that were queued or under way when the last commit ended
  std::deque<std::shared_ptr<PendingChange>> queue_;
  std::size_t queued_bytes_ = 0;
  bool led_ = false;
};

}  // namespace warifu
