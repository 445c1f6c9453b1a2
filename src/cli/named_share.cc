#include "cli/named_share.h"

#include <charconv>
#include <system_error>

namespace warifu {

std::optional<NamedShare> parse_named_share(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const std::string_view number = text.substr(colon + 1);
  NamedShare result{std::string(text.substr(0, colon)), 0};
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), result.share);
  const bool whole = failure == std::errc() && end == number.data() + number.size();
  if (!whole || !(result.share >= 0 && result.share <= 1)) return std::nullopt;
  return result;
}

}  // namespace warifu
