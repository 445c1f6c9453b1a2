#pragma once

#include <span>
#include <string>

#include "base/error.h"
#include "base/image.h"
#include "engine/contact_sheet.h"

namespace warifu {

// The contact sheet as one picture: a line of thumbnails a query, the query at the left.
Result<Image> draw_sheet(const std::string& title, std::span<const SheetRow> rows);

}  // namespace warifu
