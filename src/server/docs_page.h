#pragma once

#include <string>
#include <string_view>

namespace warifu {

// An OpenAPI document as a page to read: every operation with what it takes, needs and answers. No scripts.
std::string docs_page(std::string_view openapi);

}  // namespace warifu
