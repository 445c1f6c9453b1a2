#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "evaluate/relevance.h"

namespace warifu {

// One list of gains a query.
inline RelevanceMatrix with_gains(const std::vector<std::vector<std::uint8_t>>& rows) {
  RelevanceMatrix gains(rows.size(), rows.front().size());
  for (std::size_t q = 0; q < rows.size(); ++q) std::ranges::copy(rows[q], gains.row(q).begin());
  return gains;
}

}  // namespace warifu
