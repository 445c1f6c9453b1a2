#include "evaluate/relevance.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "base/parallel.h"

namespace warifu {
namespace {

// For one column: which database items hold each value.
class InvertedLists {
 public:
  InvertedLists(std::span<const ItemLabels> database, std::size_t column) {
    std::uint32_t values = 0;
    for (const ItemLabels& item : database)
      for (const std::uint32_t value : item[column]) values = std::max(values, value + 1);
    starts_.resize(values + std::size_t{1});
    for (const ItemLabels& item : database)
      for (const std::uint32_t value : item[column]) ++starts_[value + 1];
    for (std::size_t v = 1; v < starts_.size(); ++v) starts_[v] += starts_[v - 1];
    items_.resize(starts_.back());
    std::vector<std::size_t> next = starts_;
    for (std::size_t i = 0; i < database.size(); ++i)
      for (const std::uint32_t value : database[i][column]) items_[next[value]++] = i;
  }

  std::span<const std::size_t> items_with(std::uint32_t value) const {
    if (value + std::size_t{1} >= starts_.size()) return {};  // a value that only queries have
    return std::span(items_).subspan(starts_[value], starts_[value + 1] - starts_[value]);
  }

 private:
  std::vector<std::size_t> starts_;
  std::vector<std::size_t> items_;
};

void count_shared_values(const ItemLabels& query, std::span<const InvertedLists> columns,
                         std::span<std::uint8_t> gains) {
  for (std::size_t column = 0; column < columns.size(); ++column)
    for (const std::uint32_t value : query[column])
      for (const std::size_t item : columns[column].items_with(value))
        if (gains[item] < std::numeric_limits<std::uint8_t>::max()) ++gains[item];
}

// Sets to 0 the gain of every item that shares nothing in one of the columns. `columns_met` is
// scratch of the size of the database.
void require_every_column(const ItemLabels& query, std::span<const InvertedLists> columns,
                          std::span<std::size_t> columns_met, std::span<std::uint8_t> gains) {
  std::ranges::fill(columns_met, 0);
  // An item that missed a column stays behind, and no later column counts for it.
  for (std::size_t column = 0; column < columns.size(); ++column)
    for (const std::uint32_t value : query[column])
      for (const std::size_t item : columns[column].items_with(value))
        if (columns_met[item] == column) columns_met[item] = column + 1;
  for (std::size_t item = 0; item < gains.size(); ++item)
    if (columns_met[item] != columns.size()) gains[item] = 0;
}

}  // namespace

RelevanceMatrix relevance(std::span<const ItemLabels> queries, std::span<const ItemLabels> database,
                          RelevanceRule::Kind kind) {
  RelevanceMatrix gains(queries.size(), database.size());
  if (queries.empty() || database.empty()) return gains;
  const std::size_t column_count = database.front().size();
  [[maybe_unused]] const auto has_all_columns = [&](const ItemLabels& item) { return item.size() == column_count; };
  assert(std::ranges::all_of(queries, has_all_columns) && std::ranges::all_of(database, has_all_columns) &&
         "every item has one list for each column");

  std::vector<InvertedLists> columns;
  columns.reserve(column_count);
  for (std::size_t column = 0; column < column_count; ++column) columns.emplace_back(database, column);
  parallel_for(queries.size(), 16, [&](std::size_t begin, std::size_t end) {
    std::vector<std::size_t> columns_met(kind == RelevanceRule::Kind::kAll ? database.size() : 0);
    for (std::size_t query = begin; query < end; ++query) {
      count_shared_values(queries[query], columns, gains.row(query));
      if (kind == RelevanceRule::Kind::kAll)
        require_every_column(queries[query], columns, columns_met, gains.row(query));
    }
  });
  return gains;
}

}  // namespace warifu
