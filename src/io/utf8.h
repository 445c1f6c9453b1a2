#pragma once

#include <string_view>

namespace warifu {

// Whether `text` is well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms,
// nothing above U+10FFFF). NUL is well-formed.
bool is_valid_utf8(std::string_view text);

inline constexpr std::string_view kUtf8Bom = "\xEF\xBB\xBF";

// Without spaces, tabs and line ends on both sides.
std::string_view trimmed(std::string_view text);

}  // namespace warifu
