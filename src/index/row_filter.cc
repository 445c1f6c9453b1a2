#include "index/row_filter.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace warifu {

namespace {

// A list is better than a bitmap from so many bits a row on.
constexpr std::uint64_t kBitsOfAListedRow = 4096;

}  // namespace

RowFilter::RowFilter(std::span<const std::int64_t> ascending_rows) : restricted_(true) {
  assert(std::ranges::is_sorted(ascending_rows) && "a filter is given ascending rows");
  if (ascending_rows.empty()) return;
  first_ = ascending_rows.front();
  const auto place = [&](std::int64_t row) {
    return static_cast<std::uint64_t>(row) - static_cast<std::uint64_t>(first_);
  };
  if (place(ascending_rows.back()) / kBitsOfAListedRow > ascending_rows.size()) {
    listed_.assign(ascending_rows.begin(), ascending_rows.end());
    const auto repeats = std::ranges::unique(listed_);
    listed_.erase(repeats.begin(), repeats.end());
    count_ = listed_.size();
    return;
  }
  bits_.resize(place(ascending_rows.back()) / 64 + 1);
  for (const std::int64_t row : ascending_rows) bits_[place(row) / 64] |= std::uint64_t{1} << (place(row) % 64);
  for (const std::uint64_t word : bits_) count_ += static_cast<std::size_t>(std::popcount(word));
}

RowFilter::RowFilter(std::int64_t first, std::vector<std::uint64_t> bits)
    : restricted_(true), first_(first), bits_(std::move(bits)) {
  for (const std::uint64_t word : bits_) count_ += static_cast<std::size_t>(std::popcount(word));
}

std::uint64_t RowFilter::word_from(std::int64_t first) const {
  if (!listed_.empty()) {
    std::uint64_t bits = 0;
    for (auto row = std::ranges::lower_bound(listed_, first); row != listed_.end() && *row - first < 64; ++row)
      bits |= std::uint64_t{1} << (*row - first);
    return bits;
  }
  const auto word = [&](std::int64_t i) {
    return i < 0 || static_cast<std::uint64_t>(i) >= bits_.size() ? 0 : bits_[static_cast<std::size_t>(i)];
  };
  const std::int64_t place = first - first_;
  const std::int64_t index = place >> 6;  // rounds down, below zero too
  const auto shift = static_cast<unsigned>(place & 63);
  const std::uint64_t low = word(index) >> shift;
  return shift == 0 ? low : low | word(index + 1) << (64 - shift);
}

std::vector<std::int64_t> RowFilter::rows() const {
  if (!listed_.empty()) return listed_;
  std::vector<std::int64_t> rows;
  rows.reserve(count_);
  for (std::size_t w = 0; w < bits_.size(); ++w)
    for (std::uint64_t bits = bits_[w]; bits != 0; bits &= bits - 1)
      rows.push_back(first_ + static_cast<std::int64_t>(64 * w) + std::countr_zero(bits));
  return rows;
}

std::uint64_t RowFilter::allowed_in(const RowsView& rows, std::size_t block) const {
  const std::size_t begin = 64 * block;
  const std::size_t last = std::min(begin + 63, rows.count() - 1);
  const std::int64_t first_row = rows[begin];
  if (rows.ascending() && rows[last] - first_row == static_cast<std::int64_t>(last - begin))
    return word_from(first_row);
  std::uint64_t allowed = 0;
  for (std::size_t i = begin; i <= last; ++i) allowed |= std::uint64_t{allows(rows[i])} << (i - begin);
  return allowed;
}

}  // namespace warifu
