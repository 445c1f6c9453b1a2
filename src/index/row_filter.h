#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "segments/rows_view.h"

namespace warifu {

// The rows a query may see: everything, or a bitmap from the first to the last of them, or a list where they lie far
// apart. Thread safety: read only.
class RowFilter {
 public:
  RowFilter() = default;  // all
  // These and no others; none given: none. Ascending.
  explicit RowFilter(std::span<const std::int64_t> ascending_rows);
  explicit RowFilter(const std::vector<std::int64_t>& ascending_rows)
      : RowFilter(std::span<const std::int64_t>(ascending_rows)) {}
  // Bit i % 64 of bits[i / 64]: row first + i.
  RowFilter(std::int64_t first, std::vector<std::uint64_t> bits);

  bool allows_all() const { return !restricted_; }
  bool allows(std::int64_t row) const {
    if (!restricted_) return true;
    if (!listed_.empty()) return std::ranges::binary_search(listed_, row);
    const std::uint64_t place = static_cast<std::uint64_t>(row) - static_cast<std::uint64_t>(first_);
    return place / 64 < bits_.size() && ((bits_[place / 64] >> (place % 64)) & 1U) != 0;
  }
  std::size_t count() const { return count_; }  // of rows allowed; not for allows_all()
  // Of rows first … first + 63, in this order from bit 0; any first.
  std::uint64_t word_from(std::int64_t first) const;
  // Allowed rows in ascending order; not for allows_all().
  std::vector<std::int64_t> rows() const;

  // Of positions 64 block … 64 block + 63 the bits whose row is allowed; those behind the last position have no
  // meaning. Fast where the rows of a block follow each other.
  std::uint64_t allowed_in(const RowsView& rows, std::size_t block) const;

 private:
  bool restricted_ = false;
  std::int64_t first_ = 0;
  std::size_t count_ = 0;
  std::vector<std::uint64_t> bits_;   // either this
  std::vector<std::int64_t> listed_;  // or this
};

}  // namespace warifu
