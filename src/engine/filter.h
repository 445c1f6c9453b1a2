#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/catalog.h"

namespace warifu {

// A condition on labels and attributes, as a tree.
struct Filter {
  enum class Kind { kAll, kAny, kNot, kIn };
  Kind kind = Kind::kAll;
  std::vector<Filter> parts;        // of kAll and kAny; of kNot exactly one
  std::string column;               // of kIn
  std::vector<std::string> values;  // of kIn: one of these
};

inline constexpr std::size_t kMaxFilterParts = 256;  // of a whole tree, values among them
inline constexpr std::size_t kMaxFilterDepth = 16;

// "column=value"; kInvalidArgument explains the form.
Result<Filter> parse_condition(std::string_view condition);

// Rows that the filter lets through, ascending. kNot is counted against `universe` (ascending). Columns and values
// that nobody has match nothing. kInvalidArgument for a tree beyond the limits above or of a wrong shape.
Result<std::vector<ItemRow>> matching_rows(const Catalog& catalog, const Filter& filter,
                                           std::span<const ItemRow> universe);

}  // namespace warifu
