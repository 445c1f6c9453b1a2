#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace warifu {

// JSON from outside: one value, well-formed UTF-8, no key twice in one object (parsers disagree on
// which of the two counts), nested at most `max_depth` deep. kBadFormat says what and at which byte.
Result<nlohmann::json> parse_json_strictly(std::string_view text, int max_depth);

}  // namespace warifu
