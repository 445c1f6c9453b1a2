#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "store/sqlite.h"

namespace warifu {

// What brings an empty file to the schema of this program, one script per version: step i leads from
// version i to i + 1 (PRAGMA user_version). A released step is never edited; a change is a new step.
std::span<const char* const> catalog_schema_steps();

// Brings `database` to version steps.size() in one transaction: all of the missing steps, or none.
// Safe when several programs open the same file at once. A newer file is kIncompatible; a database
// of another program kBadFormat.
Result<void> migrate(Database& database, std::span<const char* const> steps);

}  // namespace warifu
