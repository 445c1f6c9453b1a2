#pragma once

#include <cstddef>
#include <functional>

namespace warifu {

// How many threads the process may use: --threads / WARIFU_THREADS, else the number of
// processors. Set once at start-up by engine/, before any parallel_for.
void set_thread_count(std::size_t threads);  // 0: the number of processors
std::size_t thread_count();

// Calls work(begin, end) on disjoint ranges that cover [0, count), on up to thread_count()
// threads, and returns when all are done. Ranges hold at least `grain` elements (but the last).
// Which thread gets which range is not fixed: `work` must give the same result either way.
// Called from inside the `work` of several threads it stays on its thread: they use the processors
// already. An exception in `work` ends the others' unstarted ranges and is thrown again here.
void parallel_for(std::size_t count, std::size_t grain,
                  const std::function<void(std::size_t begin, std::size_t end)>& work);

}  // namespace warifu
