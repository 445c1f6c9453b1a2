#include "codes/machine_limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <thread>
#include <vector>

#include "codes/block_kernels.h"
#include "codes/code_blocks.h"

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;

// Long enough for the clock and the barrier not to matter, short enough to lie between two interruptions.
constexpr double kRoundSeconds = 1e-3;
constexpr std::size_t kCountedBytes = std::size_t{16} << 10;
constexpr std::uint32_t kTimes = 16;    // over them in a call
constexpr std::size_t kMultiple = 512;  // of bytes, as the kernels ask for

// What the kernels return ends here, so that no compiler leaves their work out.
std::atomic<std::uint64_t> sink{0};

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

// One pass of one thread over its bytes.
using PassOfThread = std::function<std::uint64_t(std::size_t thread)>;

// Passes that fill a round when one thread works alone.
std::size_t passes_of_round(const PassOfThread& pass) {
  std::size_t passes = 1;
  for (;;) {
    const auto start = Clock::now();
    for (std::size_t i = 0; i < passes; ++i) sink += pass(0);
    const double seconds = seconds_between(start, Clock::now());
    if (seconds >= kRoundSeconds / 4)
      return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(passes) * kRoundSeconds / seconds));
    passes *= 4;
  }
}

// Where threads meet. They look out for each other instead of sleeping, which would take longer to end than the barrier
// should.
class Meeting {
 public:
  explicit Meeting(std::size_t threads) : threads_(threads) {}
  // The so-manieth meeting, from 0.
  void wait(std::size_t number) {
    ++arrived_;
    while (arrived_ < (number + 1) * threads_) std::this_thread::yield();
  }

 private:
  std::size_t threads_;
  std::atomic<std::size_t> arrived_{0};
};

// Whether threads share what they compete for, as memory, or each has its own, as arithmetic.
enum class Resource { kShared, kOwn };

// Passes per second of all threads. Of a shared resource in the best round, which counts from the first to start to the
// last to end. Of their own: each thread's best, in sum, as no round need find all of them undisturbed.
double passes_per_second(std::size_t threads, int rounds, Resource resource, const PassOfThread& pass) {
  const std::size_t passes = passes_of_round(pass);
  std::vector<Clock::time_point> starts(threads);
  std::vector<Clock::time_point> ends(threads);
  std::vector<double> own_best(threads);
  double best = 0;
  Meeting meeting(threads);
  const auto work = [&](std::size_t thread) {
    sink += pass(thread);
    for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round) {
      meeting.wait(2 * round);
      std::uint64_t all = 0;
      const auto start = Clock::now();
      for (std::size_t i = 0; i < passes; ++i) all ^= pass(thread);
      const auto end = Clock::now();
      sink += all;
      starts[thread] = start;
      ends[thread] = end;
      own_best[thread] = std::max(own_best[thread], static_cast<double>(passes) / seconds_between(start, end));
      meeting.wait(2 * round + 1);
      // Nobody begins the next round before this thread comes to it.
      if (thread == 0)
        best = std::max(best, static_cast<double>(threads * passes) /
                                  seconds_between(std::ranges::min(starts), std::ranges::max(ends)));
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
  work(0);
  others.clear();  // joined
  return resource == Resource::kShared ? best : std::reduce(own_best.begin(), own_best.end());
}

}  // namespace

double popcount_limit(std::size_t threads, int rounds) {
  const BlockKernels& kernels = chosen_block_kernels();
  // Aligned as codes are, and the parts far enough from each other.
  CodeBlocks memory(threads * kCountedBytes, 8);
  const auto pass = [&](std::size_t thread) {
    return kernels.count_all(memory.planes().data() + thread * kCountedBytes, kCountedBytes, 0x5A17C3E9U, kTimes);
  };
  return passes_per_second(threads, rounds, Resource::kOwn, pass) * kCountedBytes * kTimes * 8;
}

double read_limit(std::span<const std::uint8_t> bytes, std::size_t threads, int rounds) {
  const BlockKernels& kernels = chosen_block_kernels();
  const std::size_t part = bytes.size() / threads / kMultiple * kMultiple;
  if (part == 0) return 0;
  const auto pass = [&](std::size_t thread) { return kernels.read_all(bytes.data() + thread * part, part); };
  return passes_per_second(threads, rounds, Resource::kShared, pass) * static_cast<double>(part);
}

double read_limit(std::size_t bytes, std::size_t threads, int rounds) {
  CodeBlocks memory(bytes, 8);
  std::ranges::fill(memory.planes(), std::uint8_t{1});
  return read_limit(memory.planes(), threads, rounds);
}

}  // namespace warifu
