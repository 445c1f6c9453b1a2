#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "evaluate/relevance.h"
#include "io/record.h"

namespace warifu {

// Turns the label values that a rule looks at into the small numbers that relevance() compares.
// One indexer serves the queries and the database of an evaluation: equal values get equal ids.
//
// Thread safety: none; one owner.
class LabelIndexer {
 public:
  // `known_columns`: every label column that items have (Catalog::label_columns(), or
  // label_columns() below). kNotFound names the rule's columns that are not among them and lists
  // the known ones; it is kNotFound, too, if there is no label column at all.
  static Result<LabelIndexer> create(const RelevanceRule& rule, std::span<const std::string> known_columns);

  // The columns that count, in the order of the rule.
  const std::vector<std::string>& columns() const { return columns_; }

  // The labels of one item, or of many; columns outside the rule are passed over. An item may have
  // none.
  ItemLabels ids_of(std::span<const Label> labels);
  std::vector<ItemLabels> ids_of(std::span<const std::vector<Label>> items);

 private:
  explicit LabelIndexer(std::vector<std::string> columns) : columns_(std::move(columns)), ids_(columns_.size()) {}

  std::vector<std::string> columns_;
  std::vector<std::map<std::string, std::uint32_t, std::less<>>> ids_;  // of each column's values
};

// Every column in which one of the items has a label, sorted.
std::vector<std::string> label_columns(std::span<const std::vector<Label>> items);

}  // namespace warifu
