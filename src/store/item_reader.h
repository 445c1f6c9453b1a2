#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "store/catalog.h"
#include "store/sqlite.h"

namespace warifu {

// Items out of the tables. The caller holds a ReadSnapshot or a transaction, so that an item and its
// labels are of one moment.
Result<std::optional<Item>> read_item(Database& database, ItemRow row);
Result<std::optional<Item>> read_item(Database& database, std::string_view id);

// In ascending row: one pass over each table, whatever the number of items.
Result<std::vector<Item>> read_all_items(Database& database);

// Sorted; none also where there is no such item.
Result<std::vector<std::string>> read_groups(Database& database, ItemRow row);
Result<std::vector<ItemGroups>> read_all_groups(Database& database);  // of every item, in ascending row

}  // namespace warifu
