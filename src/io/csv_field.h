#pragma once

#include <string>
#include <string_view>

namespace warifu {

// A field as a row of a comma-separated file holds it (RFC 4180): in quotes, with its quotes doubled,
// where it has a comma, a quote or a line end in it.
inline std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string field = "\"";
  for (const char c : text) field.append(c == '"' ? 2 : 1, c);
  return field += '"';
}

}  // namespace warifu
