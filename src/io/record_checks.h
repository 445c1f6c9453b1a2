#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"

namespace warifu {

inline constexpr std::size_t kMaxIdBytes = 1024;

// What an item may be called: UTF-8, 1 … kMaxIdBytes bytes, no control characters; else kBadFormat with a hint.
Result<void> check_item_id(std::string_view id);

}  // namespace warifu
