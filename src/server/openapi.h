#pragma once

#include <string_view>

namespace warifu {

// The description of the HTTP interface (OpenAPI 3.1): the text of openapi.json, built in.
std::string_view openapi_document();

}  // namespace warifu
