#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace warifu {

// A flag's value of the form NAME:SHARE, such as "pairs:0.4": a share is a number in 0 … 1.
struct NamedShare {
  std::string name;
  double share = 0;
};

// Nothing where the text is not of that form.
std::optional<NamedShare> parse_named_share(std::string_view text);

}  // namespace warifu
