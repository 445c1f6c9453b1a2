#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "store/sqlite.h"

namespace warifu {

// What brings an empty file to the schema of this program, one script per version: step i leads from
// version i to i + 1 (PRAGMA user_version). A released step is never edited; a change is a new step. They need the
// functions that WordIndex::attach adds to the connection.
std::span<const char* const> catalog_schema_steps();

// Whose file a database is.
struct DatabaseKind {
  std::int64_t application_id;  // PRAGMA application_id: what `file` and we recognise it by
  std::string_view name;        // for messages: "catalog"
};
inline constexpr DatabaseKind kCatalogKind = {0x57524655, "catalog"};  // "WRFU"

// Brings `database` to version steps.size() in one transaction: all of the missing steps, or none.
// Safe when several programs open the same file at once. A newer file is kIncompatible; a database
// of another program or kind kBadFormat.
Result<void> migrate(Database& database, std::span<const char* const> steps, const DatabaseKind& kind = kCatalogKind);

}  // namespace warifu
