#include "engine/visible_items.h"

namespace warifu {

VisibleItems::VisibleItems(std::span<const RowGroups> items) { *this = VisibleItems().with(items, {}); }

VisibleItems::VisibleItems(VisibleItems&& other) noexcept
    : set_of_row_(std::move(other.set_of_row_)),
      sets_(std::move(other.sets_)),
      numbers_(std::move(other.numbers_)),
      count_(other.count_) {}

VisibleItems& VisibleItems::operator=(VisibleItems&& other) noexcept {
  set_of_row_ = std::move(other.set_of_row_);
  sets_ = std::move(other.sets_);
  numbers_ = std::move(other.numbers_);
  count_ = other.count_;
  universes_.clear();
  return *this;
}

std::uint32_t VisibleItems::number_of(const GroupSet& groups) {
  const auto [place, added] = numbers_.emplace(groups, static_cast<std::uint32_t>(sets_.size() + 1));
  if (added) sets_.push_back(groups);
  return place->second;
}

VisibleItems VisibleItems::with(std::span<const RowGroups> changed, std::span<const ItemRow> removed) const {
  VisibleItems next;
  next.set_of_row_ = set_of_row_;
  next.sets_ = sets_;
  next.numbers_ = numbers_;
  next.count_ = count_;
  for (const auto& [row, groups] : changed) {
    const auto place = static_cast<std::size_t>(row);
    if (place >= next.set_of_row_.size()) next.set_of_row_.resize(place + 1);
    if (next.set_of_row_[place] == 0) ++next.count_;
    next.set_of_row_[place] = next.number_of(groups);
  }
  for (const ItemRow row : removed) {
    const auto place = static_cast<std::size_t>(row);
    if (place >= next.set_of_row_.size() || next.set_of_row_[place] == 0) continue;
    next.set_of_row_[place] = 0;
    --next.count_;
  }
  return next;
}

std::shared_ptr<const VisibleItems::Universe> VisibleItems::universe(const Principal& principal) const {
  std::vector<bool> seen(sets_.size() + 1);
  for (std::size_t i = 0; i < sets_.size(); ++i) seen[i + 1] = may_see(principal, sets_[i]);
  const std::lock_guard lock(mutex_);
  auto& universe = universes_[seen];
  if (!universe) {
    std::vector<ItemRow> rows;
    for (std::size_t row = 0; row < set_of_row_.size(); ++row)
      if (seen[set_of_row_[row]]) rows.push_back(static_cast<ItemRow>(row));
    RowFilter filter(rows);
    universe = std::make_shared<const Universe>(Universe{std::move(filter), std::move(rows)});
  }
  return universe;
}

}  // namespace warifu
