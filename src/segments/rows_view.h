#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace warifu {

// The item row of each position of a segment, without owning it: numbered through (no memory at all), as 32-bit
// offsets from a first row, or as they are. Rows are >= 0 and no row stands at two positions.
class RowsView {
 public:
  RowsView() = default;
  // Position i has row first + i.
  static RowsView contiguous(std::int64_t first, std::size_t count) {
    RowsView rows;
    rows.first_ = first;
    rows.count_ = count;
    return rows;
  }
  // Position i has row first + offsets[i].
  static RowsView offsets(std::int64_t first, std::span<const std::uint32_t> offsets, bool ascending) {
    RowsView rows = contiguous(first, offsets.size());
    rows.offsets_ = offsets.data();
    rows.ascending_ = ascending;
    return rows;
  }
  static RowsView listed(std::span<const std::int64_t> listed, bool ascending) {
    RowsView rows = contiguous(0, listed.size());
    rows.listed_ = listed.data();
    rows.ascending_ = ascending;
    return rows;
  }

  std::size_t count() const { return count_; }
  bool ascending() const { return ascending_; }
  // Set: the rows are numbered through from here.
  std::optional<std::int64_t> contiguous_from() const {
    return offsets_ == nullptr && listed_ == nullptr ? std::optional(first_) : std::nullopt;
  }
  std::int64_t operator[](std::size_t position) const {
    if (listed_ != nullptr) return listed_[position];
    return first_ + static_cast<std::int64_t>(offsets_ != nullptr ? offsets_[position] : position);
  }
  // The position of a row; ascending() only.
  std::optional<std::size_t> find(std::int64_t row) const {
    std::size_t begin = 0;
    std::size_t end = count_;
    if (contiguous_from()) {
      if (row < first_ || static_cast<std::uint64_t>(row - first_) >= count_) return std::nullopt;
      return static_cast<std::size_t>(row - first_);
    }
    while (begin < end) {
      const std::size_t middle = begin + (end - begin) / 2;
      if ((*this)[middle] < row)
        begin = middle + 1;
      else
        end = middle;
    }
    if (begin == count_ || (*this)[begin] != row) return std::nullopt;
    return begin;
  }

 private:
  std::int64_t first_ = 0;
  std::size_t count_ = 0;
  bool ascending_ = true;
  const std::uint32_t* offsets_ = nullptr;
  const std::int64_t* listed_ = nullptr;
};

}  // namespace warifu
