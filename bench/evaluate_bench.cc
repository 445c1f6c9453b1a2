// How long does an evaluation take? 1,000 queries, 8,583 database items, codes of 16, 32, 64 and
// 128 bits, both directions, relevance and bootstrap included: the Fashion protocol. Codes and
// labels are drawn (75 values of uneven frequency; a code is its label's with 15 % of the bits flipped).
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/evaluate.h"
#include "evaluate/relevance.h"

namespace warifu {
namespace {

constexpr std::size_t kQueries = 1000;
constexpr std::size_t kDatabase = 8583;
constexpr std::size_t kLabels = 75;

std::vector<ItemLabels> drawn_labels(std::size_t items, Rng& rng) {
  std::vector<ItemLabels> labels(items);
  for (ItemLabels& item : labels) item = {{static_cast<std::uint32_t>(rng.below(1 + rng.below(kLabels)))}};
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

}  // namespace
}  // namespace warifu

BENCHMARK_MAIN();
