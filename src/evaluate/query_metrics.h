#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "evaluate/evaluate.h"
#include "evaluate/tie_metrics.h"

// Inside evaluate/: from what lies at each distance of one query to its measures, and from those of
// all queries to their means.
namespace warifu {

struct QueryMetrics {
  double average_precision = 0;
  double average_precision_low = 0;
  double average_precision_high = 0;
  std::vector<double> precision_at;  // [cutoffs], as the next two
  std::vector<double> recall_at;
  std::vector<double> ndcg_at;
};

// Discounts for every cutoff, as far as a database of that size has ranks.
RankDiscounts discounts_for(std::span<const std::size_t> cutoffs, std::size_t database);

// Nothing if no item is relevant: such a query measures nothing.
std::optional<QueryMetrics> query_metrics(std::span<const DistanceGroup> groups, const GainCounts& gains,
                                          std::span<const std::size_t> cutoffs, const RankDiscounts& discounts);

// Adds precision and recall within each radius of one query to `sums` [radius], of which `groups` has one each at
// least; nothing if no item is relevant.
void add_within_radius(std::span<const DistanceGroup> groups, std::span<WithinRadius> sums);

// Means in the order of the queries, so that the same numbers come out of any number of threads.
Metrics mean_metrics(std::span<const std::optional<QueryMetrics>> queries, const MetricOptions& options);

// How many of `row` have each gain; [0] stays 0. `relevant` and `gain` are the row's number of
// relevant items and its sum, which tell without a look when every gain is 1.
GainCounts count_gains(std::span<const std::uint8_t> row, std::uint64_t relevant, std::uint64_t gain);

}  // namespace warifu
