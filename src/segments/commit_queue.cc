#include "segments/commit_queue.h"

#include <chrono>

namespace warifu {
namespace {

constexpr std::size_t kMaxQueuedBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxGroupBytes = std::size_t{4} << 20;  // or a single change
constexpr auto kGatherTime = std::chrono::microseconds(100);  // less than an fsync takes

std::size_t bytes_of(const PendingChange& change) { return change.record.size() * sizeof(std::uint64_t); }

}  // namespace

std::shared_ptr<PendingChange> CommitQueue::submit(std::vector<std::uint64_t> record) {
  auto change = std::make_shared<PendingChange>(PendingChange{std::move(record), {}, false});
  std::unique_lock lock(mutex_);
  queued_bytes_ += bytes_of(*change);
  queue_.push_back(change);
  if (queue_.size() == expected_) gathered_.notify_one();
  while (queued_bytes_ > kMaxQueuedBytes && !change->done) take_part(lock);
  return change;
}

Result<void> CommitQueue::wait(const PendingChange& change) {
  std::unique_lock lock(mutex_);
  while (!change.done) take_part(lock);
  return change.result;
}

void CommitQueue::drain() {
  std::unique_lock lock(mutex_);
  while (led_ || !queue_.empty()) take_part(lock);
}

std::vector<std::shared_ptr<PendingChange>> CommitQueue::next_group() {
  std::vector<std::shared_ptr<PendingChange>> group;
  std::size_t bytes = 0;
  while (!queue_.empty() && (group.empty() || bytes + bytes_of(*queue_.front()) <= kMaxGroupBytes)) {
    bytes += bytes_of(*queue_.front());
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queued_bytes_ -= bytes;
  return group;
}

void CommitQueue::gather(std::unique_lock<std::mutex>& lock) {
  if (queue_.size() >= expected_ || queued_bytes_ > kMaxQueuedBytes) return;
  // By the steady clock: one that a person sets back would stop every change for as long. (ThreadSanitizer of GCC 12
  // does not know pthread_cond_clockwait and reports mutex_ as locked twice.)
  gathered_.wait_for(lock, kGatherTime, [this] { return queue_.size() >= expected_; });
}

void CommitQueue::take_part(std::unique_lock<std::mutex>& lock) {
  if (led_) {
    committed_.wait(lock);
    return;
  }
  led_ = true;
  gather(lock);
  const auto group = next_group();
  lock.unlock();
  commit_(group);
  lock.lock();
  for (const auto& change : group) {
    change->done = true;
    change->record = {};
  }
  led_ = false;
  expected_ = group.size() + queue_.size();
  committed_.notify_all();
}

}  // namespace warifu
