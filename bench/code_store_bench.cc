// How many single codes a second does a code store acknowledge as durable, and how much slower is a search meanwhile?
//
//   code_store_bench [folder [codes]]
//
// Fills a store with a million codes (or `codes`) of 64 bits, then measures: the time of a snapshot and one exact
// scan of it (10 nearest) by one thread while nothing else happens; the same while 100,000 codes are added one by
// one, by one thread with many on their way and by 32 threads that wait for each. Prints one line for each.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "codes/block_kernels.h"
#include "codes/nearest_collector.h"
#include "segments/code_store.h"

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint32_t kBits = 64;
constexpr std::int64_t kAdds = 100'000;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void stop_on(const Result<void>& result) {
  if (result) return;
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(exit_status(result.error().code));
}

CodeMatrix drawn(std::size_t count, Rng& rng) {
  CodeMatrix codes(count, kBits);
  for (std::size_t i = 0; i < count; ++i) codes.row(i)[0] = rng.next();
  return codes;
}

void fill(CodeStore& store, std::int64_t count) {
  Rng rng(1);
  constexpr std::int64_t kBatch = 50'000;
  for (std::int64_t first = 0; first < count; first += kBatch) {
    std::vector<std::int64_t> rows;
    for (std::int64_t row = first; row < std::min(count, first + kBatch); ++row) rows.push_back(row);
    stop_on(store.put(rows, drawn(rows.size(), rng)));
  }
  stop_on(store.compact());
}

// One search: a snapshot, and every code of it.
double search_ms(const CodeStore& store, std::uint64_t query_word) {
  const auto start = Clock::now();
  const auto snapshot = store.snapshot();
  const std::vector<std::uint64_t> query = {query_word};
  const std::vector<std::uint32_t> planes = query_planes(query, kBits);
  const std::uint32_t* const queries[] = {planes.data()};
  std::size_t found = 0;
  for (const SegmentView& segment : snapshot->segments()) {
    NearestCollector collector(10, kBits + 1);
    NearestCollector* const collectors[] = {&collector};
    chosen_block_kernels().nearest({segment.codes, 0, segment.codes.blocks(), segment.live}, queries, collectors, 1);
    found += collector.nearest().size();
  }
  const double ms = ms_since(start);
  if (found == 0) std::exit(1);
  return ms;
}

class Searches {
 public:
  explicit Searches(const CodeStore& store)
      : thread_([this, &store] {
          Rng rng(2);
          while (!stop_) times_.push_back(search_ms(store, rng.next()));
        }) {}
  void print(const char* when) {
    stop_ = true;
    thread_.join();
    std::ranges::sort(times_);
    const auto at = [&](double share) {
      return times_[static_cast<std::size_t>(share * static_cast<double>(times_.size() - 1))];
    };
    std::printf("search %-28s %6zu searches, p50 %.3f ms, p99 %.3f ms, worst %.3f ms\n", when, times_.size(), at(0.5),
                at(0.99), at(1.0));
  }

 private:
  std::atomic<bool> stop_ = false;
  std::vector<double> times_;
  std::thread thread_;
};

void print_adds(const char* how, double ms, const CodeStoreStats& before, const CodeStoreStats& after) {
  std::printf("adds   %-28s %6.0f a second (%llu groups, %llu flushes, %llu compactions)\n", how,
              static_cast<double>(kAdds) * 1000 / ms, static_cast<unsigned long long>(after.groups - before.groups),
              static_cast<unsigned long long>(after.flushes - before.flushes),
              static_cast<unsigned long long>(after.compactions - before.compactions));
}

void add_pipelined(CodeStore& store, std::int64_t first) {
  constexpr std::size_t kOnTheirWay = 1024;
  Rng rng(3);
  std::deque<Ticket> tickets;
  for (std::int64_t row = first; row < first + kAdds; ++row) {
    tickets.push_back(store.submit_put(std::vector{row}, drawn(1, rng)));
    if (tickets.size() < kOnTheirWay) continue;
    stop_on(store.wait(tickets.front()));
    tickets.pop_front();
  }
  for (const Ticket& ticket : tickets) stop_on(store.wait(ticket));
}

void add_by_threads(CodeStore& store, std::int64_t first) {
  constexpr std::int64_t kThreads = 32;
  std::vector<std::thread> threads;
  for (std::int64_t i = 0; i < kThreads; ++i)
    threads.emplace_back([&store, i, first] {
      Rng rng(static_cast<std::uint64_t>(i));
      for (std::int64_t row = first + i; row < first + kAdds; row += kThreads)
        stop_on(store.put(std::vector{row}, drawn(1, rng)));
    });
  for (std::thread& thread : threads) thread.join();
}

void measure_adds(CodeStore& store, const char* how, void (*add)(CodeStore&, std::int64_t), std::int64_t first) {
  Searches searches(store);
  const CodeStoreStats before = store.stats();
  const auto start = Clock::now();
  add(store, first);
  const double ms = ms_since(start);
  searches.print((std::string("during adds ") + how).c_str());
  print_adds(how, ms, before, store.stats());
}

}  // namespace
}  // namespace warifu

int main(int argc, char** argv) {
  using namespace warifu;
  const std::filesystem::path folder = argc > 1 ? argv[1] : "code_store_bench.tmp";
  const std::int64_t count = argc > 2 ? std::atoll(argv[2]) : 1'000'000;
  std::filesystem::remove_all(folder);
  {
    auto store = CodeStore::open(folder, {"bench", "uniform", "", kBits, 1}, Modality::kImage);
    if (!store) stop_on(std::unexpected(store.error()));
    fill(**store, count);
    std::printf("%lld codes of %u bits, %zu segments, kernels %s\n", static_cast<long long>(count), kBits,
                (*store)->stats().segments, std::string(chosen_block_kernels().name).c_str());
    Searches idle(**store);
    std::this_thread::sleep_for(std::chrono::seconds(3));
    idle.print("while nothing else happens");
    measure_adds(**store, "pipelined", add_pipelined, count);
    measure_adds(**store, "32 threads", add_by_threads, count + kAdds);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
