#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codes/code_matrix.h"

namespace warifu {

// Ground truth between queries and database items: gain >= 1 means relevant; the graded gain is the
// number of shared label values. Row-major [queries, database].
class RelevanceMatrix {
 public:
  RelevanceMatrix(std::size_t queries, std::size_t database) : database_(database), gains_(queries * database) {}
  std::size_t queries() const { return database_ == 0 ? 0 : gains_.size() / database_; }
  std::size_t database() const { return database_; }
  std::span<std::uint8_t> row(std::size_t query) { return {gains_.data() + query * database_, database_}; }
  std::span<const std::uint8_t> row(std::size_t query) const { return {gains_.data() + query * database_, database_}; }

 private:
  std::size_t database_;
  std::vector<std::uint8_t> gains_;
};

// How labels make two items relevant to each other.
struct RelevanceRule {
  enum class Kind { kAny, kAll, kGraded };
  Kind kind = Kind::kAny;
  std::vector<std::string> columns;  // empty: every label column

  // "any:articleType", "all:articleType,baseColour", "graded:labels"; "any" alone, or "labels" or "*" as
  // the column where no column has that name: every column. kInvalidArgument explains the grammar.
  static Result<RelevanceRule> parse(std::string_view text);
};

// Label values of one item, one sorted list of value ids for each column of the rule.
using ItemLabels = std::vector<std::vector<std::uint32_t>>;

// kAny and kGraded: gain = number of shared values over all columns. kAll: the same number if every
// column shares at least one value, else 0. Gains saturate at 255.
RelevanceMatrix relevance(std::span<const ItemLabels> queries, std::span<const ItemLabels> database,
                          RelevanceRule::Kind kind);

struct MetricOptions {
  std::vector<std::size_t> cutoffs = {1, 5, 10, 50, 100};
  std::size_t bootstrap_samples = 1000;
  std::uint64_t seed = 1;
};

// Means over the queries that have a relevant item in the database.
struct Metrics {
  std::size_t queries = 0;                   // that were counted
  std::size_t queries_without_relevant = 0;  // left out
  double map = 0;                            // expectation over tie orders
  double map_low = 0;                        // worst order of ties
  double map_high = 0;                       // best order of ties
  double ci95_low = 0;                       // bootstrap over queries, of `map`
  double ci95_high = 0;
  std::map<std::size_t, double> precision_at;  // expectations over tie orders
  std::map<std::size_t, double> recall_at;
  std::map<std::size_t, double> ndcg_at;
  std::vector<double> average_precision;  // [all queries]; NaN where left out
};

// Ranks the whole database for every query by Hamming distance and measures. The same numbers for
// any number of threads and any order of the database.
// Ties: F. McSherry and M. Najork, "Computing Information Retrieval Performance Measures
// Efficiently in the Presence of Tied Scores", ECIR 2008.
Metrics evaluate_codes(const CodeMatrix& queries, const CodeMatrix& database, const RelevanceMatrix& relevance,
                       const MetricOptions& options);

// What the same measures give for a random order of the database (closed form): the floor of a table.
Metrics evaluate_random(const RelevanceMatrix& relevance, const MetricOptions& options);

}  // namespace warifu
