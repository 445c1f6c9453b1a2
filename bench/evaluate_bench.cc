// How long does an evaluation take? 1,000 queries, 8,583 database items, codes of 16, 32, 64 and
// 128 bits, both directions, relevance and bootstrap included: the Fashion protocol. Codes and
// labels are drawn (75 values of uneven frequency; a code is its label's with 15 % of the bits flipped).
// And how far from the cost of the distances alone: 5,000 queries, 200,000 items, 64 bits.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <vector>

#include "base/parallel.h"
#include "base/rng.h"
#include "codes/block_kernels.h"
#include "evaluate/evaluate.h"
#include "evaluate/relevance.h"

namespace warifu {
namespace {

constexpr std::size_t kQueries = 1000;
constexpr std::size_t kDatabase = 8583;
constexpr std::size_t kLabels = 75;

std::vector<ItemLabels> drawn_labels(std::size_t items, Rng& rng, std::size_t values = kLabels) {
  std::vector<ItemLabels> labels(items);
  for (ItemLabels& item : labels) item = {{static_cast<std::uint32_t>(rng.below(1 + rng.below(values)))}};
  return labels;
}

CodeMatrix drawn_codes(const std::vector<ItemLabels>& labels, std::size_t bits, Rng& rng) {
  CodeMatrix codes(labels.size(), bits);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Rng label_bits(labels[i][0][0] + 1000);
    for (std::size_t k = 0; k < bits; ++k) {
      const std::uint64_t flipped = rng.below(100) < 15 ? 1 : 0;
      codes.row(i)[k / 64] |= ((label_bits.next() ^ flipped) & 1U) << (k % 64);
    }
  }
  return codes;
}

struct Direction {
  std::vector<ItemLabels> query_labels;
  std::vector<ItemLabels> database_labels;
  std::vector<CodeMatrix> queries;  // one for each length
  std::vector<CodeMatrix> database;
};

Direction drawn_direction(const std::vector<std::size_t>& lengths, std::size_t items, Rng& rng) {
  Direction direction{drawn_labels(kQueries, rng), drawn_labels(items, rng), {}, {}};
  for (const std::size_t bits : lengths) {
    direction.queries.push_back(drawn_codes(direction.query_labels, bits, rng));
    direction.database.push_back(drawn_codes(direction.database_labels, bits, rng));
  }
  return direction;
}

void whole_evaluation(benchmark::State& state) {
  set_thread_count(static_cast<std::size_t>(state.range(0)));
  Rng rng(1);
  const std::vector<std::size_t> lengths = {16, 32, 64, 128};
  const std::vector<Direction> directions = {drawn_direction(lengths, kDatabase, rng),
                                             drawn_direction(lengths, kDatabase, rng)};
  for (auto _ : state) {
    for (const Direction& direction : directions) {
      const RelevanceMatrix gains =
          relevance(direction.query_labels, direction.database_labels, RelevanceRule::Kind::kAny);
      for (std::size_t i = 0; i < lengths.size(); ++i)
        benchmark::DoNotOptimize(evaluate_codes(direction.queries[i], direction.database[i], gains, {}));
    }
  }
  set_thread_count(0);
}
BENCHMARK(whole_evaluation)
    ->Name("evaluate/fashion_4_lengths_2_directions/threads")
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void one_part(benchmark::State& state, bool with_relevance) {
  set_thread_count(1);
  Rng rng(1);
  const auto bits = static_cast<std::size_t>(state.range(0));
  const auto items = static_cast<std::size_t>(state.range(1));
  const Direction direction = drawn_direction({bits}, items, rng);
  RelevanceMatrix gains = relevance(direction.query_labels, direction.database_labels, RelevanceRule::Kind::kAny);
  const MetricOptions options{.bootstrap_samples = 0};
  for (auto _ : state) {
    if (with_relevance)
      gains = relevance(direction.query_labels, direction.database_labels, RelevanceRule::Kind::kAny);
    else
      benchmark::DoNotOptimize(evaluate_codes(direction.queries[0], direction.database[0], gains, options));
  }
  state.counters["pairs/s"] =
      benchmark::Counter(static_cast<double>(kQueries * items), benchmark::Counter::kIsIterationInvariantRate);
  set_thread_count(0);
}
BENCHMARK_CAPTURE(one_part, relevance, true)->Args({16, kDatabase})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(one_part, measures, false)
    ->Args({16, kDatabase})
    ->Args({64, kDatabase})
    ->Args({128, kDatabase})
    ->Args({64, 200'000})
    ->Unit(benchmark::kMillisecond);

// Of this process: what else runs on the machine costs it less than wall time. For one thread.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Seconds for as many distances from codes that stay in the first-level cache: what no evaluation can beat.
double seconds_of_distances(const CodeMatrix& codes, std::size_t pairs) {
  constexpr std::size_t kCodes = 2048;
  CodeMatrix few(kCodes, codes.bits());
  for (std::size_t i = 0; i < kCodes; ++i) std::ranges::copy(codes.row(i), few.row(i).begin());
  const CodeBlocks blocks(few);
  const auto query = query_planes(codes.row(0), blocks.view().bits);
  std::vector<std::uint8_t> distances(kCodes);
  const double start = processor_seconds();
  for (std::size_t done = 0; done < pairs; done += kCodes) {
    chosen_block_kernels().byte_distances({blocks.view(), 0, kCodes / kBlockCodes, nullptr}, query.data(),
                                          distances.data());
    benchmark::DoNotOptimize(distances.data());
    benchmark::ClobberMemory();
  }
  return processor_seconds() - start;
}

// The measures of 10^9 pairs, of which 13.5 % are relevant, and beside them, in the same minute, their distances alone.
// Memory: 1 GB.
void at_the_limit(benchmark::State& state) {
  constexpr std::size_t kManyQueries = 5000;
  constexpr std::size_t kManyItems = 200'000;
  constexpr std::size_t kFewLabels = 13;
  set_thread_count(1);
  Rng rng(1);
  const auto query_labels = drawn_labels(kManyQueries, rng, kFewLabels);
  const auto item_labels = drawn_labels(kManyItems, rng, kFewLabels);
  const CodeMatrix queries = drawn_codes(query_labels, 64, rng);
  const CodeMatrix items = drawn_codes(item_labels, 64, rng);
  const RelevanceMatrix gains = relevance(query_labels, item_labels, RelevanceRule::Kind::kAny);
  double limit = 1e9;
  double best = 1e9;
  for (auto _ : state) {
    const double start = processor_seconds();
    benchmark::DoNotOptimize(evaluate_codes(queries, items, gains, {.bootstrap_samples = 0}));
    const double seconds = processor_seconds() - start;
    state.SetIterationTime(seconds);
    best = std::min(best, seconds);
    limit = std::min(limit, seconds_of_distances(items, kManyQueries * kManyItems));
  }
  state.counters["best_s"] = best;
  state.counters["distances_alone_s"] = limit;
  state.counters["times_the_limit"] = best / limit;
  set_thread_count(0);
}
BENCHMARK(at_the_limit)->UseManualTime()->Iterations(7)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace warifu

BENCHMARK_MAIN();
