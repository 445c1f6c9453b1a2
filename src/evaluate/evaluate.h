#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/float_matrix.h"
#include "codes/code_matrix.h"
#include "evaluate/relevance.h"

namespace warifu {

struct MetricOptions {
  std::vector<std::size_t> cutoffs = {1, 5, 10, 50, 100};  // each >= 1
  std::size_t bootstrap_samples = 1000;                    // 0: the interval is `map` twice
  std::uint64_t seed = 1;                                  // of the bootstrap
};

// Of what lies within a Hamming radius of the query: what a lookup in a hash table of that radius finds.
struct WithinRadius {
  double precision = 0;  // 0 for a query with nothing within, as the field counts it
  double recall = 0;
  friend bool operator==(const WithinRadius&, const WithinRadius&) = default;
};

// Means over the queries that have a relevant item in the database; all 0 if no query has.
struct Metrics {
  std::size_t queries = 0;                   // that were counted
  std::size_t queries_without_relevant = 0;  // left out
  double map = 0;                            // expectation over tie orders, of the whole ranking
  double map_low = 0;                        // worst order of ties
  double map_high = 0;                       // best order of ties
  double ci95_low = 0;                       // bootstrap over queries, of `map`
  double ci95_high = 0;
  std::map<std::size_t, double> precision_at;  // expectations over tie orders; always divided by the cutoff
  std::map<std::size_t, double> recall_at;     // divided by all relevant items
  std::map<std::size_t, double> ndcg_at;       // gain / log2(rank + 1), against the best order by gain
  // [radius] 0 … bits; of codes only. A radius takes ties in or leaves them out together, so nothing is left to chance.
  std::vector<WithinRadius> within_radius;
  std::vector<double> average_precision;  // [all queries]; NaN where left out
};

// Ranks the whole database for every query by Hamming distance and measures. The same numbers, to
// the last bit, for any number of threads and any order of the database: ties are not broken but
// averaged over (tie_metrics.h). `relevance` is [queries, database]; both hold codes of one space.
Metrics evaluate_codes(const CodeMatrix& queries, const CodeMatrix& database, const RelevanceMatrix& relevance,
                       const MetricOptions& options);

// The same by falling cosine of real-valued rows of length 1 (inner products, summed in double); equal cosines are
// ties. queries [queries, width], database [database, width].
Metrics evaluate_embeddings(const FloatMatrix& queries, const FloatMatrix& database, const RelevanceMatrix& relevance,
                            const MetricOptions& options);

// What the same measures give for a random order of the database (closed form): the floor of a table.
Metrics evaluate_random(const RelevanceMatrix& relevance, const MetricOptions& options);

}  // namespace warifu
