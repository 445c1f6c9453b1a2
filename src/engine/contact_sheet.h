#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/find_items.h"

namespace warifu {

// One query and what it found, as a row of a contact sheet.
struct SheetRow {
  std::string words;                             // the query's text; empty: none
  std::optional<std::filesystem::path> picture;  // the query's picture
  std::vector<FoundItem> hits;
};

// Writes a page that a person can look at and send on: one row a query, thumbnails with text, distance and
// labels. `.html`: one self-contained file (pictures inside it); `.png`: the same as a picture.
// kInvalidArgument for another extension. A hit whose picture cannot be read shows its text alone.
Result<void> write_contact_sheet(const std::filesystem::path& path, const std::string& title,
                                 std::span<const SheetRow> rows);

}  // namespace warifu
