#include <algorithm>
#include <cassert>

#include "index/index.h"

namespace warifu {

RowFilter::RowFilter(const std::vector<std::int64_t>& ascending_rows) : restricted_(true) {
  assert(std::ranges::is_sorted(ascending_rows) && "a filter is given ascending rows");
  if (ascending_rows.empty()) return;
  first_ = ascending_rows.front();
  const auto place = [&](std::int64_t row) {
    return static_cast<std::uint64_t>(row) - static_cast<std::uint64_t>(first_);
  };
  bits_.resize(place(ascending_rows.back()) / 64 + 1);
  for (const std::int64_t row : ascending_rows) bits_[place(row) / 64] |= std::uint64_t{1} << (place(row) % 64);
}

}  // namespace warifu
