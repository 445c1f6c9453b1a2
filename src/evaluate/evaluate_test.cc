#include "evaluate/evaluate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/parallel.h"
#include "base/rng.h"
#include "codes/random_codes_for_test.h"
#include "evaluate/counts_for_test.h"
#include "evaluate/gains_for_test.h"
#include "evaluate/tie_metrics.h"

namespace warifu {
namespace {

// Codes of 8 bits whose distance to the query 0 is the number given.
CodeMatrix at_distances(const std::vector<unsigned>& distances) {
  CodeMatrix codes(distances.size(), 8);
  for (std::size_t i = 0; i < distances.size(); ++i) codes.row(i)[0] = (1U << distances[i]) - 1U;
  return codes;
}

TEST(EvaluateCodes, MeasuresARankingWorkedByHand) {
  // distance 0: +; distance 1: + -; distance 2: - ; distance 4: +
  const CodeMatrix database = at_distances({0, 1, 1, 2, 4});
  const MetricOptions options{.cutoffs = {1, 2, 5}};
  const Metrics metrics = evaluate_codes(at_distances({0}), database, with_gains({{1, 1, 0, 0, 1}}), options);
  EXPECT_EQ(metrics.queries, 1U);
  const double last = 3.0 / 5;
  EXPECT_DOUBLE_EQ(metrics.map, (1 + (2.0 / 2 + 2.0 / 3) / 2 + last) / 3);
  EXPECT_DOUBLE_EQ(metrics.map_low, (1 + 2.0 / 3 + last) / 3);
  EXPECT_DOUBLE_EQ(metrics.map_high, (1 + 1 + last) / 3);
  EXPECT_DOUBLE_EQ(metrics.precision_at.at(1), 1);
  EXPECT_DOUBLE_EQ(metrics.precision_at.at(2), (1 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(metrics.recall_at.at(2), (1 + 0.5) / 3);
  EXPECT_DOUBLE_EQ(metrics.recall_at.at(5), 1);
  const double rank2 = 1 / std::log2(3.0);
  EXPECT_DOUBLE_EQ(metrics.ndcg_at.at(2), (1 + 0.5 * rank2) / (1 + rank2));
  EXPECT_EQ(metrics.ci95_low, metrics.map);  // of one query
}

TEST(EvaluateCodes, MeasuresWhatLiesWithinEachRadiusWorkedByHand) {
  // Of the first query: distance 0: +; 1: + -; 2: -; 4: +. Of the second: 1: - -; 2: - +; 4: -. The third has nothing
  // relevant.
  const CodeMatrix database = at_distances({0, 1, 1, 2, 4});
  CodeMatrix queries(3, 8);
  queries.row(1)[0] = 0b1000'0001;  // 2, 1, 1, 2 and 4 bits from these
  const Metrics metrics =
      evaluate_codes(queries, database, with_gains({{1, 1, 0, 0, 1}, {0, 0, 0, 2, 0}, {0, 0, 0, 0, 0}}), {});
  ASSERT_EQ(metrics.within_radius.size(), 9U);
  const auto expect_at = [&](std::size_t radius, double precision, double recall) {
    EXPECT_DOUBLE_EQ(metrics.within_radius[radius].precision, precision) << radius;
    EXPECT_DOUBLE_EQ(metrics.within_radius[radius].recall, recall) << radius;
  };
  expect_at(0, (1.0 + 0.0) / 2, (1.0 / 3 + 0) / 2);  // nothing within counts as no precision
  expect_at(1, (2.0 / 3 + 0.0 / 2) / 2, (2.0 / 3 + 0) / 2);
  expect_at(2, (2.0 / 4 + 1.0 / 4) / 2, (2.0 / 3 + 1) / 2);
  expect_at(3, (2.0 / 4 + 1.0 / 4) / 2, (2.0 / 3 + 1) / 2);
  for (std::size_t radius = 4; radius <= 8; ++radius) expect_at(radius, (3.0 / 5 + 1.0 / 5) / 2, 1);
}

TEST(EvaluateCodes, GradesGainsAgainstTheirBestOrder) {
  // gains 0, 3, 1 at distances 1, 2, 3
  const MetricOptions options{.cutoffs = {2, 3}};
  const Metrics metrics = evaluate_codes(at_distances({0}), at_distances({1, 2, 3}), with_gains({{0, 3, 1}}), options);
  const double rank2 = 1 / std::log2(3.0);
  const double rank3 = 1 / 2.0;
  EXPECT_DOUBLE_EQ(metrics.ndcg_at.at(2), 3 * rank2 / (3 + rank2));
  EXPECT_DOUBLE_EQ(metrics.ndcg_at.at(3), (3 * rank2 + rank3) / (3 + rank2));
  EXPECT_DOUBLE_EQ(metrics.map, (1.0 / 2 + 2.0 / 3) / 2);
}

TEST(EvaluateCodes, OfAPerfectRankingIsOneInEveryMeasure) {
  const MetricOptions options{.cutoffs = {2, 3, 4}};
  const Metrics metrics =
      evaluate_codes(at_distances({0}), at_distances({0, 1, 2, 3, 8}), with_gains({{9, 4, 1, 0, 0}}), options);
  EXPECT_EQ(metrics.map, 1);
  EXPECT_EQ(metrics.map_low, 1);
  for (const std::size_t k : options.cutoffs) EXPECT_EQ(metrics.ndcg_at.at(k), 1) << k;
  EXPECT_EQ(metrics.precision_at.at(4), 0.75);
}

TEST(EvaluateCodes, LeavesOutQueriesWithoutARelevantItemAndCountsThem) {
  const Metrics metrics =
      evaluate_codes(at_distances({0, 0, 0}), at_distances({0, 1}), with_gains({{0, 1}, {0, 0}, {1, 0}}), {});
  EXPECT_EQ(metrics.queries, 2U);
  EXPECT_EQ(metrics.queries_without_relevant, 1U);
  EXPECT_DOUBLE_EQ(metrics.map, (0.5 + 1) / 2);
  ASSERT_EQ(metrics.average_precision.size(), 3U);
  EXPECT_EQ(metrics.average_precision[0], 0.5);
  EXPECT_TRUE(std::isnan(metrics.average_precision[1]));
  EXPECT_EQ(metrics.average_precision[2], 1);
}

TEST(EvaluateCodes, OfNothingIsZeroAndOnlyTheLeftOutQueriesAreNaN) {
  const Metrics empty_database = evaluate_codes(at_distances({0, 1}), CodeMatrix(0, 8), RelevanceMatrix(2, 0), {});
  EXPECT_EQ(empty_database.queries, 0U);
  EXPECT_EQ(empty_database.queries_without_relevant, 2U);
  EXPECT_EQ(empty_database.map, 0);
  EXPECT_EQ(empty_database.ndcg_at.at(10), 0);
  EXPECT_TRUE(std::isnan(empty_database.average_precision.at(1)));
  const Metrics no_queries = evaluate_codes(CodeMatrix(0, 8), at_distances({0}), RelevanceMatrix(0, 1), {});
  EXPECT_EQ(no_queries.queries_without_relevant, 0U);
  EXPECT_TRUE(no_queries.average_precision.empty());
}

struct Case {
  CodeMatrix queries;
  CodeMatrix database;
  RelevanceMatrix gains;
};

Case random_case(std::size_t queries, std::size_t database, std::size_t bits, Rng& rng) {
  Case random{CodeMatrix(queries, bits), CodeMatrix(database, bits), RelevanceMatrix(queries, database)};
  for (CodeMatrix* codes : {&random.queries, &random.database})
    for (std::size_t i = 0; i < codes->count(); ++i)
      for (std::size_t k = 0; k < bits; ++k) codes->row(i)[k / 64] |= (rng.next() & 1U) << (k % 64);
  for (std::size_t q = 0; q < queries; ++q)
    for (std::uint8_t& gain : random.gains.row(q))
      if (q % 10 != 3 && rng.below(8) == 0) gain = static_cast<std::uint8_t>(1 + rng.below(3));
  return random;
}

// Equal to the last bit, NaN included.
void expect_identical(const Metrics& a, const Metrics& b) {
  const auto same = [](double x, double y) {
    return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
  };
  EXPECT_TRUE(same(a.map, b.map) && same(a.map_low, b.map_low) && same(a.map_high, b.map_high));
  EXPECT_TRUE(same(a.ci95_low, b.ci95_low) && same(a.ci95_high, b.ci95_high));
  EXPECT_EQ(a.precision_at, b.precision_at);
  EXPECT_EQ(a.recall_at, b.recall_at);
  EXPECT_EQ(a.ndcg_at, b.ndcg_at);
  EXPECT_EQ(a.queries, b.queries);
  ASSERT_EQ(a.average_precision.size(), b.average_precision.size());
  for (std::size_t i = 0; i < a.average_precision.size(); ++i)
    EXPECT_TRUE(same(a.average_precision[i], b.average_precision[i])) << i;
}

TEST(EvaluateCodes, GivesTheSameNumbersForAnyOrderOfTheDatabaseAndAnyNumberOfThreads) {
  Rng rng(4);
  for (const std::size_t bits : {5U, 16U, 64U, 128U}) {
    const Case random = random_case(60, 9000, bits, rng);
    set_thread_count(1);
    const Metrics alone = evaluate_codes(random.queries, random.database, random.gains, {});
    set_thread_count(2);
    const Metrics together = evaluate_codes(random.queries, random.database, random.gains, {});
    expect_identical(together, alone);
    EXPECT_EQ(together.within_radius, alone.within_radius);

    std::vector<std::size_t> order(random.database.count());
    std::iota(order.begin(), order.end(), 0);
    shuffle(std::span(order), rng);
    Case shuffled{random.queries, CodeMatrix(order.size(), bits),
                  RelevanceMatrix(random.queries.count(), order.size())};
    for (std::size_t i = 0; i < order.size(); ++i) {
      std::ranges::copy(random.database.row(order[i]), shuffled.database.row(i).begin());
      for (std::size_t q = 0; q < random.queries.count(); ++q)
        shuffled.gains.row(q)[i] = std::as_const(random.gains).row(q)[order[i]];
    }
    const Metrics other = evaluate_codes(shuffled.queries, shuffled.database, shuffled.gains, {});
    expect_identical(other, alone);
    EXPECT_EQ(other.within_radius, alone.within_radius);
  }
  set_thread_count(0);
}

// Every measure by its definition in tie_metrics.h, on distances that are counted one pair after the other.
Metrics evaluated_one_by_one(const Case& given, const std::vector<std::size_t>& cutoffs) {
  Metrics metrics;
  metrics.within_radius.resize(given.database.bits() + 1);
  for (const std::size_t k : cutoffs) metrics.precision_at[k] = metrics.recall_at[k] = metrics.ndcg_at[k] = 0;
  const RankDiscounts discounts(given.database.count());
  for (std::size_t q = 0; q < given.queries.count(); ++q) {
    const DistanceCounts counts =
        counted_one_by_one(given.queries.row(q), given.database, std::as_const(given.gains).row(q));
    metrics.average_precision.push_back(std::numeric_limits<double>::quiet_NaN());
    if (std::ranges::max(counts.gains) == 0) continue;
    ++metrics.queries;
    const auto relevant = std::accumulate(counts.gains.begin() + 1, counts.gains.end(), std::uint64_t{0});
    const double low = lowest_average_precision(counts.groups);
    const double high = highest_average_precision(counts.groups);
    metrics.average_precision.back() = std::clamp(expected_average_precision(counts.groups), low, high);
    metrics.map += metrics.average_precision.back();
    metrics.map_low += low;
    metrics.map_high += high;
    DistanceGroup within;
    for (std::size_t radius = 0; radius <= given.database.bits(); ++radius) {
      within.items += counts.groups[radius].items;
      within.relevant += counts.groups[radius].relevant;
      const auto found = static_cast<double>(within.relevant);
      if (within.items > 0) metrics.within_radius[radius].precision += found / static_cast<double>(within.items);
      metrics.within_radius[radius].recall += found / static_cast<double>(relevant);
    }
    for (const std::size_t k : cutoffs) {
      const double found = expected_relevant_at(counts.groups, k);
      metrics.precision_at[k] += found / static_cast<double>(k);
      metrics.recall_at[k] += found / static_cast<double>(relevant);
      metrics.ndcg_at[k] +=
          std::min(expected_dcg_at(counts.groups, k, discounts) / ideal_dcg_at(counts.gains, k, discounts), 1.0);
    }
  }
  if (metrics.queries == 0) return metrics;
  const auto count = static_cast<double>(metrics.queries);
  for (WithinRadius& sum : metrics.within_radius) sum = {sum.precision / count, sum.recall / count};
  for (double* sum : {&metrics.map, &metrics.map_low, &metrics.map_high}) *sum /= count;
  for (auto* sums : {&metrics.precision_at, &metrics.recall_at, &metrics.ndcg_at})
    for (auto& [k, sum] : *sums) sum /= count;
  metrics.ci95_low = metrics.ci95_high = metrics.map;
  return metrics;
}

TEST(EvaluateCodes, IsToTheLastBitWhatItsDefinitionsGiveForEveryLengthAndSize) {
  Rng rng(7);
  for (const std::size_t bits : {1U, 8U, 16U, 63U, 64U, 65U, 128U, 255U, 256U, 300U})
    for (const std::size_t items : {0U, 1U, 63U, 64U, 65U, 1000U, 70'000U}) {
      SCOPED_TRACE(testing::Message() << bits << " bits, " << items << " items");
      const std::size_t queries = items > 1000 ? 18 : 50;
      const Case drawn{random_codes(queries, bits, rng), random_codes(items, bits, rng),
                       drawn_gains(queries, items, rng)};
      const MetricOptions options{.cutoffs = {1, 7, 100, 5000}, .bootstrap_samples = 0};
      const Metrics expected = evaluated_one_by_one(drawn, options.cutoffs);
      for (const std::size_t threads : {1U, 3U}) {
        set_thread_count(threads);
        const Metrics measured = evaluate_codes(drawn.queries, drawn.database, drawn.gains, options);
        expect_identical(measured, expected);
        ASSERT_EQ(measured.within_radius.size(), expected.within_radius.size());
        for (std::size_t radius = 0; radius <= bits; ++radius) {  // added up in another order
          EXPECT_NEAR(measured.within_radius[radius].precision, expected.within_radius[radius].precision, 1e-12);
          EXPECT_NEAR(measured.within_radius[radius].recall, expected.within_radius[radius].recall, 1e-12);
        }
      }
    }
  set_thread_count(0);
}

TEST(EvaluateCodes, EqualsSortingAndAveragingOverTieOrders) {
  Rng rng(5);
  for (int round = 0; round < 5; ++round) {
    const Case random = random_case(1, 60, 6, rng);
    const Metrics metrics = evaluate_codes(random.queries, random.database, random.gains, {.cutoffs = {10}});
    ASSERT_EQ(metrics.queries, 1U);
    double ap_sum = 0;
    double precision_sum = 0;
    std::vector<std::size_t> order(60);
    std::iota(order.begin(), order.end(), 0);
    constexpr int kOrders = 2000;
    for (int i = 0; i < kOrders; ++i) {
      shuffle(std::span(order), rng);
      std::ranges::stable_sort(order, {}, [&](std::size_t item) {
        return std::popcount(random.queries.row(0)[0] ^ random.database.row(item)[0]);
      });
      double hits = 0;
      double sum = 0;
      for (std::size_t rank = 1; rank <= order.size(); ++rank) {
        if (std::as_const(random.gains).row(0)[order[rank - 1]] == 0) continue;
        ++hits;
        sum += hits / static_cast<double>(rank);
        if (rank <= 10) precision_sum += 0.1;
      }
      const double ap = sum / hits;
      EXPECT_GE(ap, metrics.map_low - 1e-12);
      EXPECT_LE(ap, metrics.map_high + 1e-12);
      ap_sum += ap;
    }
    EXPECT_NEAR(metrics.map, ap_sum / kOrders, 0.01);
    EXPECT_NEAR(metrics.precision_at.at(10), precision_sum / kOrders, 0.01);
    EXPECT_LE(metrics.map_low, metrics.map);
    EXPECT_LE(metrics.map, metrics.map_high);
  }
}

TEST(EvaluateCodes, KeepsTheExpectationBetweenItsBoundsToTheLastBit) {
  Rng rng(6);
  for (const std::size_t bits : {1U, 3U, 64U, 256U}) {
    for (int round = 0; round < 20; ++round) {
      const Case random = random_case(11, 1 + rng.below(200), bits, rng);
      const Metrics metrics = evaluate_codes(random.queries, random.database, random.gains, {});
      EXPECT_LE(metrics.map_low, metrics.map);
      EXPECT_LE(metrics.map, metrics.map_high);
      EXPECT_LE(metrics.map_high, 1);
      EXPECT_LE(metrics.ci95_low, metrics.ci95_high);
      for (const auto& [k, ndcg] : metrics.ndcg_at) EXPECT_LE(ndcg, 1) << k;
    }
  }
}

TEST(EvaluateRandom, IsWhatCodesThatAreAllEqualGive) {
  Rng rng(8);
  const Case random = random_case(20, 500, 16, rng);
  const CodeMatrix equal_queries(20, 16);
  const CodeMatrix equal_database(500, 16);
  expect_identical(evaluate_random(random.gains, {}), evaluate_codes(equal_queries, equal_database, random.gains, {}));
}

TEST(EvaluateRandom, IsNearTheShareOfRelevantItems) {
  Rng rng(10);
  const Case random = random_case(50, 4000, 16, rng);
  const Metrics floor = evaluate_random(random.gains, {});
  double share = 0;
  for (std::size_t q = 0; q < 50; ++q) {
    const auto row = std::as_const(random.gains).row(q);
    share += static_cast<double>(row.size() - static_cast<std::size_t>(std::ranges::count(row, 0))) / 4000;
  }
  EXPECT_NEAR(floor.precision_at.at(10), share / static_cast<double>(floor.queries), 1e-12);
  EXPECT_NEAR(floor.map, floor.precision_at.at(10), 0.003);
}

}  // namespace
}  // namespace warifu
