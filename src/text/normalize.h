#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// Position of the first byte that is not well-formed UTF-8 (overlong forms, surrogates and values
// above U+10FFFF count as malformed), or npos if all is well.
std::size_t first_invalid_utf8(std::string_view bytes);

// NFKC, control characters to spaces, white space runs to one space, trimmed: what is stored and
// encoded. `text` must be well-formed UTF-8, else kBadFormat naming the byte.
Result<std::string> normalize_text(std::string_view text);

// Words in lower case by Unicode word boundaries (ICU, whose dictionary cuts Japanese), without
// punctuation: 図面と仕様書を照合する -> 図面 と 仕様 書 を 照合 する. Malformed bytes are dropped.
std::vector<std::string> split_words(std::string_view text);

}  // namespace warifu
