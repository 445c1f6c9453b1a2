#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/child_for_test.h"

namespace warifu {
namespace {

// Sets the threads of the process, and back at the end.
struct Threads {
  explicit Threads(std::size_t count) { set_thread_count(count); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { set_thread_count(0); }
};

// How often each of `count` elements was worked on.
std::vector<int> visits(std::size_t count, std::size_t grain) {
  std::vector<std::atomic<int>> visited(count);
  parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) ++visited[i];
  });
  return {visited.begin(), visited.end()};
}

TEST(Parallel, WorksOnEveryElementOnce) {
  for (const std::size_t threads : {1, 2, 5, 40}) {
    const Threads set(threads);
    for (const std::size_t count : {0, 1, 2, 7, 100, 1001})
      for (const std::size_t grain : {0, 1, 3, 2000}) EXPECT_EQ(visits(count, grain), std::vector<int>(count, 1));
  }
}

TEST(Parallel, HandsOutAtLeastTheGrain) {
  const Threads set(4);
  std::atomic<std::size_t> small = 0;
  parallel_for(1000, 30, [&](std::size_t begin, std::size_t end) { small += end - begin < 30 && end < 1000 ? 1 : 0; });
  EXPECT_EQ(small, 0);
}

TEST(Parallel, UsesSeveralThreadsWhereThereIsTimeToCome) {
  const Threads set(2);
  std::atomic<int> there = 0;
  parallel_for(2, 1, [&](std::size_t, std::size_t) {
    ++there;
    while (there < 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // hangs on one thread
  });
  EXPECT_EQ(there, 2);
}

TEST(Parallel, StaysOnItsThreadInsideAnother) {
  const Threads set(4);
  parallel_for(8, 1, [&](std::size_t, std::size_t) {
    const auto thread = std::this_thread::get_id();
    parallel_for(100, 1, [&](std::size_t, std::size_t) { EXPECT_EQ(std::this_thread::get_id(), thread); });
  });
}

TEST(Parallel, ThrowsWhatItsWorkThrows) {
  const Threads set(3);
  for (int turn = 0; turn < 100; ++turn) {
    std::atomic<std::size_t> done = 0;
    EXPECT_THROW(parallel_for(1000, 1,
                              [&](std::size_t begin, std::size_t end) {
                                if (begin <= 500 && 500 < end) throw std::runtime_error("500");
                                done += end - begin;
                              }),
                 std::runtime_error);
    EXPECT_LT(done, 1000);
  }
}

// Calls so short that threads come late to most of them: none may see the work of a call that is over.
TEST(Parallel, MayBeCalledByManyThreadsAtOnce) {
  const Threads set(4);
  std::vector<std::jthread> callers;
  std::atomic<int> wrong = 0;
  for (std::size_t caller = 0; caller < 3; ++caller)
    callers.emplace_back([&, caller] {
      for (std::size_t turn = 0; turn < 2000; ++turn) {
        const std::size_t count = 1 + (turn + caller) % 9;
        std::atomic<std::size_t> sum = 0;
        parallel_for(count, 1, [&](std::size_t begin, std::size_t end) {
          for (std::size_t i = begin; i < end; ++i) sum += i + 1;
        });
        wrong += sum == count * (count + 1) / 2 ? 0 : 1;
      }
    });
  callers.clear();  // joined
  EXPECT_EQ(wrong, 0);
}

TEST(Parallel, WorksInTheChildOfAFork) {
  const Threads set(3);
  visits(100, 1);
  Child<int> child([](const auto&) { return visits(1000, 1) == std::vector<int>(1000, 1) ? 7 : 1; });
  EXPECT_EQ(child.wait(), 7);
}

}  // namespace
}  // namespace warifu
