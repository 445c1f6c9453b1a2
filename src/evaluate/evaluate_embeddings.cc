#include <algorithm>
#include <cassert>
#include <numeric>
#include <optional>
#include <vector>

#include "base/parallel.h"
#include "evaluate/evaluate.h"
#include "evaluate/query_metrics.h"
#include "evaluate/tie_metrics.h"

namespace warifu {
namespace {

// Rounding must not part what is equal: two rows of the same numbers give the same cosine as they add in the same
// order. As float, which is what the rows hold: a difference below its precision is none.
float cosine(std::span<const float> a, std::span<const float> b) {
  return static_cast<float>(std::inner_product(a.begin(), a.end(), b.begin(), 0.0));
}

struct Placed {
  float cosine;
  std::uint8_t gain;
};

}  // namespace

Metrics evaluate_embeddings(const FloatMatrix& queries, const FloatMatrix& database, const RelevanceMatrix& relevance,
                            const MetricOptions& options) {
  assert(relevance.queries() == queries.rows() && relevance.database() == database.rows() &&
         "relevance is between these queries and this database");
  assert((queries.cols() == database.cols() || queries.rows() == 0 || database.rows() == 0) &&
         "rows of different widths are never compared");
  const RankDiscounts discounts = discounts_for(options.cutoffs, database.rows());
  std::vector<std::optional<QueryMetrics>> measured(queries.rows());
  parallel_for(queries.rows(), 8, [&](std::size_t begin, std::size_t end) {
    std::vector<Placed> placed(database.rows());
    std::vector<DistanceGroup> groups;
    for (std::size_t query = begin; query < end; ++query) {
      const auto gains = relevance.row(query);
      for (std::size_t i = 0; i < placed.size(); ++i)
        placed[i] = {cosine(queries.row(query), database.row(i)), gains[i]};
      std::ranges::sort(placed, std::ranges::greater{}, &Placed::cosine);
      groups.clear();
      std::uint64_t relevant = 0;
      std::uint64_t gain = 0;
      for (std::size_t i = 0; i < placed.size(); ++i) {
        if (i == 0 || placed[i].cosine != placed[i - 1].cosine) groups.emplace_back();
        ++groups.back().items;
        groups.back().relevant += placed[i].gain > 0;
        groups.back().gain += placed[i].gain;
        relevant += placed[i].gain > 0;
        gain += placed[i].gain;
      }
      measured[query] = query_metrics(groups, count_gains(gains, relevant, gain), options.cutoffs, discounts);
    }
  });
  return mean_metrics(measured, options);
}

}  // namespace warifu
