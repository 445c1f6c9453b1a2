#include "base/parallel.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace warifu {
namespace {

std::atomic<std::size_t> configured_threads{0};

// Whether this thread works for a parallel_for that has several.
thread_local bool one_of_several = false;

void pause_a_little() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Threads that wait for work, since starting some takes as long as scanning a million codes. They look out for the next
// call for a moment (some ten microseconds), then sleep. Never taken down: at the end of the process they sleep or look
// out, and touch nothing but this.
class WaitingThreads {
 public:
  // Runs `job` on this thread and on up to `helpers` others; true when all that took part are done, false at once where
  // they work for somebody else. Who has not begun when this thread is through is not waited for: on a busy machine
  // that would take longer than the work.
  bool run(std::size_t helpers, const std::function<void()>& job) {
    const std::unique_lock in_use(in_use_, std::try_to_lock);
    if (!in_use) return false;
    for (; started_ < helpers; ++started_)
      std::thread([this, seen = number_of(call_.load())] { wait_for_calls(seen); }).detach();
    job_ = &job;
    finished_.store(0, std::memory_order_relaxed);
    call_.store((number_of(call_.load()) + 1) << kNumberShift | helpers << kOpenShift, std::memory_order_release);
    call_.notify_all();
    job();
    const std::uint64_t joined = call_.fetch_and(~(kCount << kOpenShift)) & kCount;
    wait_while(finished_, [&](std::uint64_t finished) { return finished != joined; });
    return true;
  }

 private:
  // A call in one word: its number, how many may still join, how many have.
  static constexpr std::uint64_t kCount = 0xFFFF;
  static constexpr unsigned kOpenShift = 16;
  static constexpr unsigned kNumberShift = 32;
  static std::uint64_t number_of(std::uint64_t call) { return call >> kNumberShift; }

  template <typename Waiting>
  static std::uint64_t wait_while(const std::atomic<std::uint64_t>& word, const Waiting& waiting) {
    constexpr int kLooks = 2000;
    for (int look = 0; look < kLooks; ++look) {
      const std::uint64_t now = word.load(std::memory_order_acquire);
      if (!waiting(now)) return now;
      pause_a_little();
    }
    for (;;) {
      const std::uint64_t now = word.load(std::memory_order_acquire);
      if (!waiting(now)) return now;
      word.wait(now, std::memory_order_acquire);
    }
  }

  // Takes a place in this call, or in the newer one that `call` then is; false where none is open.
  bool join(std::uint64_t& call) {
    while ((call >> kOpenShift & kCount) != 0)
      if (call_.compare_exchange_weak(call, call - (std::uint64_t{1} << kOpenShift) + 1)) return true;
    return false;
  }

  void wait_for_calls(std::uint64_t seen) {
    for (;;) {
      std::uint64_t call = wait_while(call_, [&](std::uint64_t now) { return number_of(now) == seen; });
      const bool joined = join(call);
      seen = number_of(call);
      if (!joined) continue;
      (*job_)();
      finished_.fetch_add(1, std::memory_order_acq_rel);
      finished_.notify_one();
    }
  }

  std::mutex in_use_;
  std::size_t started_ = 0;
  const std::function<void()>* job_ = nullptr;
  std::atomic<std::uint64_t> call_{0};
  std::atomic<std::uint64_t> finished_{0};
};

std::atomic<WaitingThreads*> waiting_threads{nullptr};
std::atomic<WaitingThreads*> left_in_the_parent{nullptr};

WaitingThreads& threads_of_this_process() {
  static std::once_flag once;
  std::call_once(once, [] {
    // The child of a fork has none of the threads; it starts its own.
    ::pthread_atfork(nullptr, nullptr, [] { left_in_the_parent = waiting_threads.exchange(nullptr); });
  });
  WaitingThreads* threads = waiting_threads;
  if (threads != nullptr) return *threads;
  auto* const made = new WaitingThreads;
  if (waiting_threads.compare_exchange_strong(threads, made)) return *made;
  delete made;
  return *threads;
}

}  // namespace

// More would not help anywhere, and a call counts its helpers in 16 bits.
constexpr std::size_t kMostThreads = 1024;

void set_thread_count(std::size_t threads) { configured_threads = std::min(threads, kMostThreads); }

std::size_t thread_count() {
  const std::size_t configured = configured_threads;
  if (configured > 0) return configured;
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
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
  if (!threads_of_this_process().run(threads - 1, run)) {
    std::vector<std::jthread> workers;
    workers.reserve(threads - 1);
    for (std::size_t i = 1; i < threads; ++i) workers.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace warifu
