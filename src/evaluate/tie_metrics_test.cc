#include "evaluate/tie_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/rng.h"

namespace warifu {
namespace {

using Groups = std::vector<DistanceGroup>;
using Gains = std::vector<std::uint64_t>;  // of the items of one ranking, in order

TEST(ExpectedAveragePrecision, AveragesBothOrdersOfATiedPair) {
  // one tied pair {+,-}: AP is 1 or 1/2, so 3/4 on average
  const Groups groups = {{2, 1}};
  EXPECT_DOUBLE_EQ(expected_average_precision(groups), 0.75);
  EXPECT_DOUBLE_EQ(lowest_average_precision(groups), 0.5);
  EXPECT_DOUBLE_EQ(highest_average_precision(groups), 1.0);
}

TEST(ExpectedAveragePrecision, WithoutTiesIsTheTextbookOne) {
  // + - + - - +: (1/1 + 2/3 + 3/6) / 3
  const Groups groups = {{1, 1}, {1, 0}, {1, 1}, {2, 0}, {1, 1}};
  const double expected = (1.0 + 2.0 / 3 + 0.5) / 3;
  EXPECT_DOUBLE_EQ(expected_average_precision(groups), expected);
  EXPECT_EQ(lowest_average_precision(groups), expected_average_precision(groups));
  EXPECT_EQ(highest_average_precision(groups), expected_average_precision(groups));
}

TEST(ExpectedAveragePrecision, OfATieAfterAHitIsWorkedByHand) {
  // +, then {+,-,-}: the second hit is at rank 2, 3 or 4: (1 + (2/2 + 2/3 + 2/4) / 3) / 2
  const Groups groups = {{1, 1}, {3, 1}};
  EXPECT_DOUBLE_EQ(expected_average_precision(groups), (1.0 + (1.0 + 2.0 / 3 + 0.5) / 3) / 2);
  EXPECT_DOUBLE_EQ(lowest_average_precision(groups), (1.0 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(highest_average_precision(groups), 1.0);
}

TEST(ExpectedAveragePrecision, IsZeroWithoutAnythingRelevantAndOneWithNothingElse) {
  EXPECT_EQ(expected_average_precision({}), 0);
  EXPECT_EQ(expected_average_precision(Groups{{5, 0}, {0, 0}}), 0);
  EXPECT_EQ(expected_average_precision(Groups{{500, 500}}), 1);
  EXPECT_EQ(lowest_average_precision(Groups{{500, 500}}), 1);
  EXPECT_EQ(highest_average_precision(Groups{{500, 500}}), 1);
}

TEST(ExpectedRelevant, SharesATieThatTheCutoffCuts) {
  const Groups groups = {{1, 1}, {4, 2}, {5, 3}};  // six relevant of ten
  EXPECT_DOUBLE_EQ(expected_relevant_at(groups, 1), 1.0);
  EXPECT_DOUBLE_EQ(expected_relevant_at(groups, 3), 1 + 2 * 2.0 / 4);
  EXPECT_DOUBLE_EQ(expected_relevant_at(groups, 5), 3.0);
  EXPECT_DOUBLE_EQ(expected_relevant_at(groups, 10), 6.0);
  EXPECT_DOUBLE_EQ(expected_relevant_at(groups, 100), 6.0);
}

TEST(ExpectedDcg, GivesEveryRankOfATieItsAverageGain) {
  // gain 3 at rank 1, then a tie of gains {2, 0} at ranks 2 and 3
  const Groups groups = {{1, 1, 3}, {2, 1, 2}};
  const RankDiscounts discounts(3);
  EXPECT_DOUBLE_EQ(expected_dcg_at(groups, 3, discounts), 3 / 1.0 + 1 / std::log2(3.0) + 1 / 2.0);
  EXPECT_DOUBLE_EQ(expected_dcg_at(groups, 2, discounts), 3 + 1 / std::log2(3.0));
  GainCounts counts{};
  counts[3] = 1;
  counts[2] = 1;
  EXPECT_DOUBLE_EQ(ideal_dcg_at(counts, 3, discounts), 3 + 2 / std::log2(3.0));
  EXPECT_DOUBLE_EQ(ideal_dcg_at(counts, 1, discounts), 3);
}

TEST(ReciprocalSum, AgreesWithAddingUp) {
  for (const std::uint64_t first : {0ULL, 1ULL, 31ULL, 32ULL, 33ULL, 1000ULL, 123456ULL, 10'000'000ULL}) {
    long double sum = 0;
    for (std::uint64_t count = 1; count <= 20'000; ++count) {
      sum += 1.0L / static_cast<long double>(first + count);
      if (count > 40 && count % 997 != 0) continue;
      const auto relative = reciprocal_sum(first, count) / static_cast<double>(sum) - 1;
      ASSERT_LT(std::abs(relative), 1e-15) << first << ", " << count;
    }
  }
  EXPECT_EQ(reciprocal_sum(7, 0), 0);
}

// --- Against every order, and against many.

double plain_average_precision(const Gains& ranking) {
  double sum = 0;
  double hits = 0;
  for (std::size_t i = 0; i < ranking.size(); ++i) {
    if (ranking[i] == 0) continue;
    ++hits;
    sum += hits / static_cast<double>(i + 1);
  }
  return hits == 0 ? 0 : sum / hits;
}

struct Tied {
  std::vector<Gains> groups;  // gains of the items at each distance

  Groups counted() const {
    Groups counts;
    for (const Gains& gains : groups) {
      DistanceGroup group;
      for (const std::uint64_t gain : gains) {
        ++group.items;
        group.relevant += gain > 0 ? 1 : 0;
        group.gain += gain;
      }
      counts.push_back(group);
    }
    return counts;
  }
  std::size_t items() const {
    std::size_t items = 0;
    for (const Gains& gains : groups) items += gains.size();
    return items;
  }
};

// Means and bounds of the plain measures over orders of the ties.
struct Observed {
  double orders = 0;
  double average_precision = 0;
  double lowest = std::numeric_limits<double>::infinity();
  double highest = 0;
  std::vector<double> relevant_at;  // [k - 1]
  std::vector<double> dcg_at;

  void see(const Tied& tied) {
    Gains ranking;
    for (const Gains& gains : tied.groups) ranking.insert(ranking.end(), gains.begin(), gains.end());
    relevant_at.resize(ranking.size());
    dcg_at.resize(ranking.size());
    ++orders;
    const double ap = plain_average_precision(ranking);
    average_precision += ap;
    lowest = std::min(lowest, ap);
    highest = std::max(highest, ap);
    double relevant = 0;
    double dcg = 0;
    for (std::size_t i = 0; i < ranking.size(); ++i) {
      relevant += ranking[i] > 0 ? 1 : 0;
      dcg += static_cast<double>(ranking[i]) / std::log2(static_cast<double>(i) + 2);
      relevant_at[i] += relevant;
      dcg_at[i] += dcg;
    }
  }
};

// Calls see() for every order of every tie (items are told apart, so that each order counts once).
void see_every_order(Tied& tied, std::size_t group, Observed& observed) {
  if (group == tied.groups.size()) return observed.see(tied);
  std::vector<std::size_t> order(tied.groups[group].size());
  std::iota(order.begin(), order.end(), 0);
  const Gains gains = tied.groups[group];
  do {
    for (std::size_t i = 0; i < order.size(); ++i) tied.groups[group][i] = gains[order[i]];
    see_every_order(tied, group + 1, observed);
  } while (std::ranges::next_permutation(order).found);
  tied.groups[group] = gains;
}

Tied random_tied(std::size_t max_group, std::size_t groups, std::uint64_t max_gain, Rng& rng) {
  Tied tied;
  for (std::size_t g = 0; g < groups; ++g) {
    Gains gains(rng.below(max_group + 1));
    for (std::uint64_t& gain : gains) gain = rng.below(2) * (1 + rng.below(max_gain));
    tied.groups.push_back(gains);
  }
  return tied;
}

TEST(TieMetrics, AreTheMeansAndBoundsOverEveryOrderOfTheTies) {
  Rng rng(1);
  for (int round = 0; round < 30; ++round) {
    Tied tied = random_tied(4, 3, 3, rng);
    Observed observed;
    see_every_order(tied, 0, observed);
    const Groups groups = tied.counted();
    const RankDiscounts discounts(tied.items());
    EXPECT_NEAR(expected_average_precision(groups), observed.average_precision / observed.orders, 1e-12);
    EXPECT_NEAR(lowest_average_precision(groups), observed.lowest, 1e-12);
    EXPECT_NEAR(highest_average_precision(groups), observed.highest, 1e-12);
    for (std::size_t k = 1; k <= tied.items(); ++k) {
      EXPECT_NEAR(expected_relevant_at(groups, k), observed.relevant_at[k - 1] / observed.orders, 1e-12);
      EXPECT_NEAR(expected_dcg_at(groups, k, discounts), observed.dcg_at[k - 1] / observed.orders, 1e-12);
    }
  }
}

TEST(TieMetrics, AreNearTheMeansOfTwoThousandRandomOrdersOfLargeTies) {
  Rng rng(2);
  for (int round = 0; round < 3; ++round) {
    Tied tied = random_tied(120, 5, 4, rng);
    Observed observed;
    for (int order = 0; order < 2000; ++order) {
      for (Gains& gains : tied.groups) shuffle(std::span(gains), rng);
      observed.see(tied);
    }
    const Groups groups = tied.counted();
    const RankDiscounts discounts(tied.items());
    // Single orders differ by some hundredths; the mean of 2,000 by far less.
    EXPECT_NEAR(expected_average_precision(groups), observed.average_precision / observed.orders, 0.003);
    EXPECT_LE(lowest_average_precision(groups), observed.lowest);
    EXPECT_GE(highest_average_precision(groups), observed.highest);
    const std::size_t k = tied.items() / 3;
    EXPECT_NEAR(expected_relevant_at(groups, k) / (observed.relevant_at[k - 1] / observed.orders), 1, 0.01);
    EXPECT_NEAR(expected_dcg_at(groups, k, discounts) / (observed.dcg_at[k - 1] / observed.orders), 1, 0.01);
  }
}

TEST(TieMetrics, OfLargeGroupsEqualTheSumTermByTerm) {
  Rng rng(3);
  for (int round = 0; round < 300; ++round) {
    Groups groups;
    std::uint64_t items = 0;
    std::uint64_t relevant = 0;
    long double sum = 0;
    for (std::uint64_t g = 0, count = 1 + rng.below(6); g < count; ++g) {
      DistanceGroup group;
      group.items = 1 + rng.below(3000);
      group.relevant = rng.below(group.items + 1);
      for (std::uint64_t i = 1; i <= group.items; ++i) {
        const auto slope = group.items == 1 ? 0
                                            : (static_cast<long double>(group.relevant) - 1) /
                                                  static_cast<long double>(group.items - 1);
        sum += static_cast<long double>(group.relevant) / static_cast<long double>(group.items) *
               (static_cast<long double>(relevant) + 1 + static_cast<long double>(i - 1) * slope) /
               static_cast<long double>(items + i);
      }
      items += group.items;
      relevant += group.relevant;
      groups.push_back(group);
    }
    if (relevant == 0) continue;
    EXPECT_NEAR(expected_average_precision(groups), static_cast<double>(sum / static_cast<long double>(relevant)),
                1e-13);
    EXPECT_LE(lowest_average_precision(groups), expected_average_precision(groups) + 1e-13);
    EXPECT_GE(highest_average_precision(groups), expected_average_precision(groups) - 1e-13);
  }
}

}  // namespace
}  // namespace warifu
