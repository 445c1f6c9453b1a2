#include <optional>

#include "base/parallel.h"
#include "evaluate/evaluate.h"
#include "evaluate/query_metrics.h"
#include "evaluate/tie_metrics.h"

namespace warifu {

Metrics evaluate_random(const RelevanceMatrix& relevance, const MetricOptions& options) {
  const RankDiscounts discounts = discounts_for(options.cutoffs, relevance.database());
  std::vector<std::optional<QueryMetrics>> measured(relevance.queries());
  parallel_for(relevance.queries(), 64, [&](std::size_t begin, std::size_t end) {
    for (std::size_t query = begin; query < end; ++query) {
      // A random order is the order of one tie that holds everything.
      DistanceGroup all{relevance.database(), 0, 0};
      for (const std::uint8_t gain : relevance.row(query)) {
        all.relevant += gain > 0 ? 1 : 0;
        all.gain += gain;
      }
      measured[query] = query_metrics(std::span(&all, 1), count_gains(relevance.row(query), all.relevant, all.gain),
                                      options.cutoffs, discounts);
    }
  });
  return mean_metrics(measured, options);
}

}  // namespace warifu
