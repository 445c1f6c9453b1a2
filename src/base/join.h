#pragma once

#include <string>
#include <string_view>

namespace warifu {

// "a, b, c" for messages and hints: each element of `values` as `text_of` writes it.
template <typename Range, typename TextOf>
std::string join(const Range& values, TextOf text_of) {
  std::string joined;
  for (const auto& value : values) {
    if (!joined.empty()) joined += ", ";
    joined += text_of(value);
  }
  return joined;
}

template <typename Range>
std::string join(const Range& values) {
  return join(values, [](const auto& value) { return std::string_view(value); });
}

}  // namespace warifu
