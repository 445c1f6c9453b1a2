#include "engine/filter.h"

#include <algorithm>
#include <iterator>

namespace warifu {
namespace {

class FilterRows {
 public:
  FilterRows(const Catalog& catalog, std::span<const ItemRow> universe) : catalog_(catalog), universe_(universe) {}

  Result<std::vector<ItemRow>> rows(const Filter& filter, std::size_t depth) {
    if (depth > kMaxFilterDepth || ++parts_ > kMaxFilterParts)
      return fail(ErrorCode::kInvalidArgument, "the filter has more than " + std::to_string(kMaxFilterParts) +
                                                   " parts or is nested more than " + std::to_string(kMaxFilterDepth) +
                                                   " deep");
    switch (filter.kind) {
      case Filter::Kind::kIn:
        return with_value(filter);
      case Filter::Kind::kNot:
        return without(filter, depth);
      case Filter::Kind::kAll:
      case Filter::Kind::kAny:
        return joined(filter, depth);
    }
    return fail(ErrorCode::kInternal, "a filter of no kind");
  }

 private:
  Result<std::vector<ItemRow>> with_value(const Filter& filter) {
    std::vector<ItemRow> rows;
    for (const std::string& value : filter.values) {
      if (++parts_ > kMaxFilterParts) return fail(ErrorCode::kInvalidArgument, "the filter names too many values");
      auto some = catalog_.rows_where(filter.column, value);
      // What columns there are is not for everybody to know: an unknown one matches nothing.
      if (!some && some.error().code == ErrorCode::kNotFound) continue;
      if (!some) return some;
      std::vector<ItemRow> both;
      std::ranges::set_union(rows, *some, std::back_inserter(both));
      rows = std::move(both);
    }
    return rows;
  }

  Result<std::vector<ItemRow>> without(const Filter& filter, std::size_t depth) {
    if (filter.parts.size() != 1) return fail(ErrorCode::kInvalidArgument, "'not' takes exactly one filter");
    const auto some = rows(filter.parts.front(), depth + 1);
    if (!some) return some;
    std::vector<ItemRow> rest;
    std::ranges::set_difference(universe_, *some, std::back_inserter(rest));
    return rest;
  }

  Result<std::vector<ItemRow>> joined(const Filter& filter, std::size_t depth) {
    const bool all = filter.kind == Filter::Kind::kAll;
    std::vector<ItemRow> result;
    if (all) result.assign(universe_.begin(), universe_.end());
    for (const Filter& part : filter.parts) {
      const auto some = rows(part, depth + 1);
      if (!some) return some;
      std::vector<ItemRow> next;
      if (all) {
        std::ranges::set_intersection(result, *some, std::back_inserter(next));
      } else {
        std::ranges::set_union(result, *some, std::back_inserter(next));
      }
      result = std::move(next);
    }
    return result;
  }

  const Catalog& catalog_;
  std::span<const ItemRow> universe_;
  std::size_t parts_ = 0;
};

}  // namespace

Result<Filter> parse_condition(std::string_view condition) {
  const auto equals = condition.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return fail(ErrorCode::kInvalidArgument, "filter '" + std::string(condition) + "' is not COLUMN=VALUE",
                "for example --filter 'articleType=Shirts'");
  Filter filter{
      .kind = Filter::Kind::kIn, .parts = {}, .column = std::string(condition.substr(0, equals)), .values = {}};
  filter.values.emplace_back(condition.substr(equals + 1));
  return filter;
}

Result<std::vector<ItemRow>> matching_rows(const Catalog& catalog, const Filter& filter,
                                           std::span<const ItemRow> universe) {
  auto rows = FilterRows(catalog, universe).rows(filter, 0);
  if (!rows) return rows;
  std::vector<ItemRow> visible;
  std::ranges::set_intersection(universe, *rows, std::back_inserter(visible));
  return visible;
}

}  // namespace warifu
