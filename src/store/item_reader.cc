#include "store/item_reader.h"

#include <utility>

namespace warifu {
namespace {

// Columns: row, id, image_uri, image_hash, text, revision, original_uri.
Item item_of(const Statement& s) {
  Item item;
  item.row = s.integer(0);
  item.id = s.text(1);
  item.image_uri = s.text(2);
  item.image_hash = s.text(3);
  if (!s.is_null(4)) item.text = s.text(4);
  item.revision = s.integer(5);
  item.original_uri = s.text(6);
  return item;
}

// Columns from `first`: kind, column, value.
void add_value(Item& item, const Statement& s, int first) {
  auto& list = s.integer(first) == 0 ? item.labels : item.attributes;
  list.push_back({s.text(first + 1), s.text(first + 2)});
}

Result<void> add_values(Database& database, Item& item) {
  auto values =
      database.prepare("SELECT kind, column, value FROM item_values WHERE item = ?1 ORDER BY kind, column, value");
  if (!values) return std::unexpected(values.error());
  values->bind(1, item.row);
  for (;;) {
    const auto row = values->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    add_value(item, *values, 0);
  }
}

Result<void> add_groups(Database& database, Item& item) {
  auto groups = read_groups(database, item.row);
  if (!groups) return std::unexpected(groups.error());
  item.groups = *std::move(groups);
  return {};
}

Result<std::optional<Item>> finish(Database& database, Statement& found) {
  const auto row = found.step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  Item item = item_of(found);
  if (auto added = add_values(database, item); !added) return std::unexpected(added.error());
  if (auto added = add_groups(database, item); !added) return std::unexpected(added.error());
  return item;
}

}  // namespace

Result<std::optional<Item>> read_item(Database& database, ItemRow row) {
  auto found =
      database.prepare("SELECT row, id, image_uri, image_hash, text, revision, original_uri FROM items WHERE row = ?1");
  if (!found) return std::unexpected(found.error());
  return finish(database, found->bind(1, row));
}

Result<std::optional<Item>> read_item(Database& database, std::string_view id) {
  auto found =
      database.prepare("SELECT row, id, image_uri, image_hash, text, revision, original_uri FROM items WHERE id = ?1");
  if (!found) return std::unexpected(found.error());
  return finish(database, found->bind(1, id));
}

Result<std::vector<Item>> read_all_items(Database& database) {
  std::vector<Item> items;
  auto rows =
      database.prepare("SELECT row, id, image_uri, image_hash, text, revision, original_uri FROM items ORDER BY row");
  if (!rows) return std::unexpected(rows.error());
  for (;;) {
    const auto row = rows->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    items.push_back(item_of(*rows));
  }
  auto values =
      database.prepare("SELECT item, kind, column, value FROM item_values ORDER BY item, kind, column, value");
  if (!values) return std::unexpected(values.error());
  for (std::size_t at = 0;;) {
    const auto row = values->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    while (at < items.size() && items[at].row < values->integer(0)) ++at;
    if (at < items.size() && items[at].row == values->integer(0)) add_value(items[at], *values, 1);
  }
  auto groups = database.prepare("SELECT item, name FROM item_groups ORDER BY item, name");
  if (!groups) return std::unexpected(groups.error());
  for (std::size_t at = 0;;) {
    const auto row = groups->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return items;
    while (at < items.size() && items[at].row < groups->integer(0)) ++at;
    if (at < items.size() && items[at].row == groups->integer(0)) items[at].groups.push_back(groups->text(1));
  }
}

Result<std::vector<std::string>> read_groups(Database& database, ItemRow row) {
  auto groups = database.prepare("SELECT name FROM item_groups WHERE item = ?1 ORDER BY name");
  if (!groups) return std::unexpected(groups.error());
  groups->bind(1, row);
  std::vector<std::string> names;
  for (;;) {
    const auto more = groups->step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return names;
    names.push_back(groups->text(0));
  }
}

Result<std::vector<ItemGroups>> read_all_groups(Database& database) {
  std::vector<ItemGroups> items;
  auto rows = database.prepare("SELECT row FROM items ORDER BY row");
  if (!rows) return std::unexpected(rows.error());
  for (;;) {
    const auto row = rows->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    items.emplace_back(rows->integer(0), std::vector<std::string>());
  }
  auto groups = database.prepare("SELECT item, name FROM item_groups ORDER BY item, name");
  if (!groups) return std::unexpected(groups.error());
  for (std::size_t at = 0;;) {
    const auto row = groups->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return items;
    while (at < items.size() && items[at].first < groups->integer(0)) ++at;
    if (at < items.size() && items[at].first == groups->integer(0)) items[at].second.push_back(groups->text(1));
  }
}

}  // namespace warifu
