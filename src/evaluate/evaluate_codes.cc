#include <algorithm>
#include <cassert>
#include <optional>

#include "base/parallel.h"
#include "codes/code_blocks.h"
#include "evaluate/distance_counter.h"
#include "evaluate/evaluate.h"
#include "evaluate/query_metrics.h"
#include "evaluate/tie_metrics.h"

namespace warifu {

Metrics evaluate_codes(const CodeMatrix& queries, const CodeMatrix& database, const RelevanceMatrix& relevance,
                       const MetricOptions& options) {
  assert(relevance.queries() == queries.count() && relevance.database() == database.count() &&
         "relevance is between these queries and this database");
  assert((queries.bits() == database.bits() || queries.count() == 0 || database.count() == 0) &&
         "codes of different lengths are never compared");
  const CodeBlocks blocks(database);
  const RankDiscounts discounts = discounts_for(options.cutoffs, database.count());
  std::vector<std::optional<QueryMetrics>> measured(queries.count());
  parallel_for(queries.count(), DistanceCounter::kQueries, [&](std::size_t begin, std::size_t end) {
    DistanceCounter counter(blocks.view());
    for (std::size_t first = begin; first < end; first += DistanceCounter::kQueries) {
      const std::size_t last = std::min(first + DistanceCounter::kQueries, end);
      const auto counted = counter.count(queries, relevance, first, last);
      for (std::size_t query = first; query < last; ++query) {
        const DistanceCounts& counts = counted[query - first];
        measured[query] = query_metrics(counts.groups, counts.gains, options.cutoffs, discounts);
      }
    }
  });
  return mean_metrics(measured, options);
}

}  // namespace warifu
