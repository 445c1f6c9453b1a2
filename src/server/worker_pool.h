#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace warifu {

// Threads that may block, and a bounded queue in front of them: what does not fit is refused at once instead of waiting
// longer than anybody listens. Thread safety: any; the destructor must not run on a worker.
class WorkerPool {
 public:
  using Task = std::move_only_function<void()>;  // must not throw

  // threads >= 1. max_waiting: tasks beyond those that run.
  WorkerPool(std::size_t threads, std::size_t max_waiting);
  ~WorkerPool();  // drops what waits and joins
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  bool submit(Task task);        // false: the queue is full or closed, `task` is gone
  void drop_waiting_and_join();  // returns when the tasks that run have returned; takes no more
  std::size_t waiting() const;
  std::size_t running() const;

 private:
  void work();

  const std::size_t max_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  std::size_t running_ = 0;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace warifu
