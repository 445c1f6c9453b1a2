#include "evaluate/label_ids.h"

#include <algorithm>
#include <set>

namespace warifu {
namespace {

std::string list_of(std::span<const std::string> names, std::string_view quote) {
  std::string list;
  for (const std::string& name : names) {
    if (!list.empty()) list += ", ";
    list.append(quote).append(name).append(quote);
  }
  return list;
}

}  // namespace

Result<LabelIndexer> LabelIndexer::create(const RelevanceRule& rule, std::span<const std::string> known_columns) {
  if (known_columns.empty())
    return fail(ErrorCode::kNotFound, "no item has a label, so nothing tells what is relevant",
                "name the label columns when ingesting: --label-columns a,b");
  const auto is_known = [&](const std::string& name) {
    return std::ranges::find(known_columns, name) != known_columns.end();
  };
  const bool every_column =
      rule.columns.empty() || (rule.columns.size() == 1 && (rule.columns[0] == "labels" || rule.columns[0] == "*") &&
                               !is_known(rule.columns[0]));
  if (every_column) return LabelIndexer({known_columns.begin(), known_columns.end()});

  std::vector<std::string> unknown;
  std::ranges::copy_if(rule.columns, std::back_inserter(unknown), [&](const auto& name) { return !is_known(name); });
  if (!unknown.empty())
    return fail(ErrorCode::kNotFound, "no label column is called " + list_of(unknown, "'"),
                "known label columns: " + list_of(known_columns, ""));
  return LabelIndexer(rule.columns);
}

ItemLabels LabelIndexer::ids_of(std::span<const Label> labels) {
  ItemLabels item(columns_.size());
  for (const Label& label : labels) {
    const auto column = static_cast<std::size_t>(std::ranges::find(columns_, label.column) - columns_.begin());
    if (column == columns_.size()) continue;
    const auto next_id = static_cast<std::uint32_t>(ids_[column].size());
    item[column].push_back(ids_[column].try_emplace(label.value, next_id).first->second);
  }
  for (std::vector<std::uint32_t>& ids : item) {
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  return item;
}

std::vector<ItemLabels> LabelIndexer::ids_of(std::span<const std::vector<Label>> items) {
  std::vector<ItemLabels> ids;
  ids.reserve(items.size());
  for (const std::vector<Label>& labels : items) ids.push_back(ids_of(std::span(labels)));
  return ids;
}

std::vector<std::string> label_columns(std::span<const std::vector<Label>> items) {
  std::set<std::string_view> columns;
  for (const std::vector<Label>& labels : items)
    for (const Label& label : labels) columns.insert(label.column);
  return {columns.begin(), columns.end()};
}

}  // namespace warifu
