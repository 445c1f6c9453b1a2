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
  // Queries go in batches of a fixed size, whose sums are added up in their order: so the means are the same to the
  // last bit for any number of threads.
  const std::size_t batches = (queries.count() + DistanceCounter::kQueries - 1) / DistanceCounter::kQueries;
  std::vector<std::vector<WithinRadius>> within(batches, std::vector<WithinRadius>(database.bits() + 1));
  parallel_for(batches, 1, [&](std::size_t begin, std::size_t end) {
    DistanceCounter counter(blocks.view());
    for (std::size_t batch = begin; batch < end; ++batch) {
      const std::size_t first = batch * DistanceCounter::kQueries;
      const std::size_t last = std::min(first + DistanceCounter::kQueries, queries.count());
      const auto counted = counter.count(queries, relevance, first, last);
      for (std::size_t query = first; query < last; ++query) {
        const DistanceCounts& counts = counted[query - first];
        measured[query] = query_metrics(counts.groups, counts.gains, options.cutoffs, discounts);
        add_within_radius(counts.groups, within[batch]);
      }
    }
  });
  Metrics means = mean_metrics(measured, options);
  means.within_radius.resize(database.bits() + 1);
  for (std::size_t radius = 0; radius < means.within_radius.size() && means.queries > 0; ++radius) {
    WithinRadius& mean = means.within_radius[radius];
    for (const auto& sums : within) {
      mean.precision += sums[radius].precision;
      mean.recall += sums[radius].recall;
    }
    mean.precision /= static_cast<double>(means.queries);
    mean.recall /= static_cast<double>(means.queries);
  }
  return means;
}

}  // namespace warifu
