#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace warifu {

// What stands at one place of a byte string: a well-formed character, or the longest malformed
// piece that the Unicode Standard (chapter 3.9, table 3-7) would replace by one U+FFFD.
struct Utf8Step {
  char32_t value = 0xFFFD;
  std::size_t length = 1;  // bytes, 1 … 4
  bool valid = false;
};

// `at` < bytes.size().
Utf8Step decode_utf8(std::string_view bytes, std::size_t at);

// `value` is a Unicode scalar value (no surrogate, at most U+10FFFF).
void append_utf8(char32_t value, std::string& out);

// The same text with each malformed piece replaced by U+FFFD.
std::string repair_utf8(std::string_view bytes);

// At most `max_bytes` first bytes, cut where a character begins.
std::string_view utf8_prefix(std::string_view bytes, std::size_t max_bytes);

}  // namespace warifu
