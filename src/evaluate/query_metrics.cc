#include "evaluate/query_metrics.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "evaluate/bootstrap.h"

namespace warifu {

RankDiscounts discounts_for(std::span<const std::size_t> cutoffs, std::size_t database) {
  const std::size_t farthest = cutoffs.empty() ? 0 : std::ranges::max(cutoffs);
  return RankDiscounts(std::min(farthest, database));
}

std::optional<QueryMetrics> query_metrics(std::span<const DistanceGroup> groups, const GainCounts& gains,
                                          std::span<const std::size_t> cutoffs, const RankDiscounts& discounts) {
  std::uint64_t relevant = 0;
  for (const DistanceGroup& group : groups) relevant += group.relevant;
  if (relevant == 0) return std::nullopt;
  // Up to the highest gain there is: mostly 1.
  std::size_t gain_count = gains.size();
  while (gain_count > 1 && gains[gain_count - 1] == 0) --gain_count;
  const auto present_gains = std::span(gains).first(gain_count);
  QueryMetrics metrics;
  metrics.average_precision_low = lowest_average_precision(groups);
  metrics.average_precision_high = highest_average_precision(groups);
  // Between the two by definition; rounding must not say otherwise.
  metrics.average_precision =
      std::clamp(expected_average_precision(groups), metrics.average_precision_low, metrics.average_precision_high);
  for (const std::size_t k : cutoffs) {
    const double found = expected_relevant_at(groups, k);
    metrics.precision_at.push_back(found / static_cast<double>(k));
    metrics.recall_at.push_back(found / static_cast<double>(relevant));
    const double ndcg = expected_dcg_at(groups, k, discounts) / ideal_dcg_at(present_gains, k, discounts);
    metrics.ndcg_at.push_back(std::min(ndcg, 1.0));
  }
  return metrics;
}

void add_within_radius(std::span<const DistanceGroup> groups, std::span<WithinRadius> sums) {
  std::uint64_t all_relevant = 0;
  for (const DistanceGroup& group : groups) all_relevant += group.relevant;
  if (all_relevant == 0) return;
  std::uint64_t items = 0;
  std::uint64_t relevant = 0;
  for (std::size_t radius = 0; radius < sums.size(); ++radius) {
    items += groups[radius].items;
    relevant += groups[radius].relevant;
    if (relevant == 0) continue;
    sums[radius].precision += static_cast<double>(relevant) / static_cast<double>(items);
    sums[radius].recall += static_cast<double>(relevant) / static_cast<double>(all_relevant);
  }
}

Metrics mean_metrics(std::span<const std::optional<QueryMetrics>> queries, const MetricOptions& options) {
  Metrics means;
  std::vector<double> counted;
  for (const std::size_t k : options.cutoffs) means.precision_at[k] = means.recall_at[k] = means.ndcg_at[k] = 0;
  means.average_precision.assign(queries.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if (!queries[i]) continue;
    const QueryMetrics& query = *queries[i];
    means.average_precision[i] = query.average_precision;
    counted.push_back(query.average_precision);
    means.map += query.average_precision;
    means.map_low += query.average_precision_low;
    means.map_high += query.average_precision_high;
  }
  means.queries = counted.size();
  means.queries_without_relevant = queries.size() - counted.size();
  if (counted.empty()) return means;

  const auto count = static_cast<double>(counted.size());
  means.map /= count;
  means.map_low /= count;
  means.map_high /= count;
  for (std::size_t c = 0; c < options.cutoffs.size(); ++c) {
    double precision = 0;
    double recall = 0;
    double ndcg = 0;
    for (const std::optional<QueryMetrics>& query : queries) {
      if (!query) continue;
      precision += query->precision_at[c];
      recall += query->recall_at[c];
      ndcg += query->ndcg_at[c];
    }
    means.precision_at[options.cutoffs[c]] = precision / count;
    means.recall_at[options.cutoffs[c]] = recall / count;
    means.ndcg_at[options.cutoffs[c]] = ndcg / count;
  }
  const Interval interval = bootstrap_interval_of_mean(counted, options.bootstrap_samples, options.seed);
  means.ci95_low = interval.low;
  means.ci95_high = interval.high;
  return means;
}

GainCounts count_gains(std::span<const std::uint8_t> row, std::uint64_t relevant, std::uint64_t gain) {
  GainCounts counts{};
  if (gain == relevant) {
    counts[1] = relevant;
    return counts;
  }
  for (const std::uint8_t item : row) counts[item] += item != 0 ? 1 : 0;
  return counts;
}

}  // namespace warifu
