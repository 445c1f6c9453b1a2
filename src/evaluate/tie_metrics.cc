#include "evaluate/tie_metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace warifu {
namespace {

// The part of the harmonic number H(m) that is neither ln m nor Euler's constant, for m >= 32:
// the next term of the series is below 1e-17.
double harmonic_remainder(double m) {
  const double square = 1.0 / (m * m);
  return 0.5 / m - square * (1.0 / 12 - square * (1.0 / 120 - square * (1.0 / 252 - square / 240)));
}

// Sum of (relevant_before + 1 + (i - 1) * slope) / (items_before + i) for i = 1 … count: precisions
// at ranks that follow each other while the expected number of relevant items grows by `slope`.
double sum_of_precisions(std::uint64_t items_before, std::uint64_t relevant_before, std::uint64_t count, double slope) {
  const double first = static_cast<double>(relevant_before + 1);
  const double rank_before = static_cast<double>(items_before);
  // Small groups, which are most, term by term.
  if (count <= 8) {
    double sum = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const double step = static_cast<double>(i);
      sum += (first + step * slope) / (rank_before + step + 1);
    }
    return sum;
  }
  // (first + (i - 1) * slope) / (s + i)  =  slope + (first - slope * (s + 1)) / (s + i)
  return slope * static_cast<double>(count) + (first - slope * (rank_before + 1)) * reciprocal_sum(items_before, count);
}

// Adds `group_sum(items before, relevant before, group)` up over the groups with a relevant item
// and divides by the number of relevant items.
template <typename GroupSum>
double mean_over_relevant(std::span<const DistanceGroup> groups, const GroupSum& group_sum) {
  double sum = 0;
  std::uint64_t items = 0;
  std::uint64_t relevant = 0;
  for (const DistanceGroup& group : groups) {
    assert(group.relevant <= group.items && "relevant items are items");
    if (group.relevant > 0) sum += group_sum(items, relevant, group);
    items += group.items;
    relevant += group.relevant;
  }
  return relevant == 0 ? 0 : sum / static_cast<double>(relevant);
}

}  // namespace

double reciprocal_sum(std::uint64_t first, std::uint64_t count) {
  double sum = 0;
  for (; count > 0 && (first < 32 || count <= 4); --count) sum += 1.0 / static_cast<double>(++first);
  if (count == 0) return sum;
  // H(first + count) - H(first); log1p keeps the digits that a difference of logarithms would lose.
  const auto low = static_cast<double>(first);
  const auto high = static_cast<double>(first + count);
  return sum + std::log1p(static_cast<double>(count) / low) + (harmonic_remainder(high) - harmonic_remainder(low));
}

double expected_average_precision(std::span<const DistanceGroup> groups) {
  return mean_over_relevant(groups, [](std::uint64_t items, std::uint64_t relevant, const DistanceGroup& group) {
    const auto n = static_cast<double>(group.items);
    const auto r = static_cast<double>(group.relevant);
    const double slope = group.items == 1 ? 0 : (r - 1) / (n - 1);
    return r / n * sum_of_precisions(items, relevant, group.items, slope);
  });
}

double lowest_average_precision(std::span<const DistanceGroup> groups) {
  return mean_over_relevant(groups, [](std::uint64_t items, std::uint64_t relevant, const DistanceGroup& group) {
    return sum_of_precisions(items + group.items - group.relevant, relevant, group.relevant, 1);
  });
}

double highest_average_precision(std::span<const DistanceGroup> groups) {
  return mean_over_relevant(groups, [](std::uint64_t items, std::uint64_t relevant, const DistanceGroup& group) {
    return sum_of_precisions(items, relevant, group.relevant, 1);
  });
}

double expected_relevant_at(std::span<const DistanceGroup> groups, std::size_t k) {
  std::uint64_t left = k;
  std::uint64_t relevant = 0;
  for (const DistanceGroup& group : groups) {
    if (group.items > left)
      return static_cast<double>(relevant) +
             static_cast<double>(group.relevant) * static_cast<double>(left) / static_cast<double>(group.items);
    left -= group.items;
    relevant += group.relevant;
  }
  return static_cast<double>(relevant);
}

RankDiscounts::RankDiscounts(std::size_t max_rank) : up_to_(max_rank + 1) {
  for (std::size_t rank = 1; rank <= max_rank; ++rank)
    up_to_[rank] = up_to_[rank - 1] + 1.0 / std::log2(static_cast<double>(rank) + 1.0);
}

double RankDiscounts::sum(std::size_t first, std::size_t last) const {
  const std::size_t max_rank = up_to_.size() - 1;
  return up_to_[std::min(last, max_rank)] - up_to_[std::min(first, max_rank)];
}

double expected_dcg_at(std::span<const DistanceGroup> groups, std::size_t k, const RankDiscounts& discounts) {
  double dcg = 0;
  std::uint64_t before = 0;
  for (const DistanceGroup& group : groups) {
    if (before >= k) break;
    if (group.gain > 0)
      dcg += static_cast<double>(group.gain) / static_cast<double>(group.items) *
             discounts.sum(before, std::min<std::uint64_t>(before + group.items, k));
    before += group.items;
  }
  return dcg;
}

double ideal_dcg_at(std::span<const std::uint64_t> counts, std::size_t k, const RankDiscounts& discounts) {
  double dcg = 0;
  std::uint64_t before = 0;
  for (std::size_t gain = counts.size() - 1; gain > 0 && before < k; --gain) {
    if (counts[gain] == 0) continue;
    dcg += static_cast<double>(gain) * discounts.sum(before, std::min<std::uint64_t>(before + counts[gain], k));
    before += counts[gain];
  }
  return dcg;
}

}  // namespace warifu
