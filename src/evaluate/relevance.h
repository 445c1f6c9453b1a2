#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// Ground truth between queries and database items: gain >= 1 means relevant; the graded gain is the
// number of shared label values. Row-major [queries, database], one byte each.
class RelevanceMatrix {
 public:
  RelevanceMatrix(std::size_t queries, std::size_t database)
      : queries_(queries), database_(database), gains_(queries * database) {}
  std::size_t queries() const { return queries_; }
  std::size_t database() const { return database_; }
  std::span<std::uint8_t> row(std::size_t query) { return {gains_.data() + query * database_, database_}; }
  std::span<const std::uint8_t> row(std::size_t query) const { return {gains_.data() + query * database_, database_}; }

 private:
  std::size_t queries_;
  std::size_t database_;
  std::vector<std::uint8_t> gains_;
};

// How labels make two items relevant to each other.
struct RelevanceRule {
  enum class Kind { kAny, kAll, kGraded };
  Kind kind = Kind::kAny;
  std::vector<std::string> columns;  // empty: every label column

  // "any:articleType", "all:articleType,baseColour", "graded:labels"; "any" alone, or "labels" or "*" as
  // the column where no column has that name: every column (LabelIndexer, which knows the columns,
  // decides). Spaces around a name are dropped. kInvalidArgument explains the grammar.
  static Result<RelevanceRule> parse(std::string_view text);
};

// Label values of one item: for each column of the rule a sorted list of value ids without repeats.
// Ids are dense from 0 in each column; the same id in two columns means two different values.
using ItemLabels = std::vector<std::vector<std::uint32_t>>;

// kAny and kGraded: gain = number of shared values over all columns. kAll: the same number if every
// column shares at least one value, else 0. Gains saturate at 255. All items have the same number
// of columns; with no columns nothing is relevant.
//
// Time: one step for each shared value, by inverted lists, on thread_count() threads.
RelevanceMatrix relevance(std::span<const ItemLabels> queries, std::span<const ItemLabels> database,
                          RelevanceRule::Kind kind);

}  // namespace warifu
