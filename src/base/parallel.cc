#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace warifu {
namespace {

std::atomic<std::size_t> configured_threads{0};

// Whether this thread works for a parallel_for that has several.
thread_local bool one_of_several = false;

}  // namespace

void set_thread_count(std::size_t threads) { configured_threads = threads; }

std::size_t thread_count() {
  const std::size_t configured = configured_threads;
  if (configured > 0) return configured;
  return std::max(1U, std::thread::hardware_concurrency());
}

void parallel_for(std::size_t count, std::size_t grain, const std::function<void(std::size_t, std::size_t)>& work) {
  if (count == 0) return;
  grain = std::max<std::size_t>(grain, 1);
  const std::size_t threads = one_of_several ? 1 : std::min(thread_count(), (count + grain - 1) / grain);
  if (threads <= 1) {
    work(0, count);
    return;
  }
  // Several pieces a thread, so that one slow piece does not keep the others waiting.
  const std::size_t piece = std::max(grain, count / (threads * 8) + 1);
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto run = [&] {
    one_of_several = true;
    for (;;) {
      const std::size_t begin = next.fetch_add(piece);
      if (begin >= count) break;
      try {
        work(begin, std::min(begin + piece, count));
      } catch (...) {
        const std::scoped_lock lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
    one_of_several = false;
  };
  {
    std::vector<std::jthread> workers;
    workers.reserve(threads - 1);
    for (std::size_t i = 1; i < threads; ++i) workers.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace warifu
