#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "index/row_filter.h"
#include "security/principal.h"
#include "store/catalog.h"

namespace warifu {

// Which items there are and who may see them, at one moment: the universe of every search is cut from it, by the
// server, before anything is scanned or counted.
//
// Thread safety: everything const may be called from any thread.
class VisibleItems {
 public:
  using RowGroups = std::pair<ItemRow, std::vector<std::string>>;  // as Catalog::item_groups

  VisibleItems() = default;
  explicit VisibleItems(std::span<const RowGroups> items);

  // The same with changes: of `changed` the new groups, of `removed` nothing any more.
  VisibleItems with(std::span<const RowGroups> changed, std::span<const ItemRow> removed) const;

  struct Universe {
    RowFilter filter;           // never allows_all(): rows without an item are not let through
    std::vector<ItemRow> rows;  // the same, ascending
  };
  // Of what the principal may see; the same object for principals of the same rights.
  std::shared_ptr<const Universe> universe(const Principal& principal) const;

  std::size_t size() const { return count_; }

  VisibleItems(VisibleItems&&) noexcept;
  VisibleItems& operator=(VisibleItems&&) noexcept;

 private:
  using GroupSet = std::vector<std::string>;
  std::uint32_t number_of(const GroupSet& groups);

  std::vector<std::uint32_t> set_of_row_;  // 0: no item has this row; else 1 + place in sets_
  std::vector<GroupSet> sets_;
  std::map<GroupSet, std::uint32_t> numbers_;
  std::size_t count_ = 0;

  mutable std::mutex mutex_;
  mutable std::map<std::vector<bool>, std::shared_ptr<const Universe>> universes_;  // by the sets let through
};

}  // namespace warifu
