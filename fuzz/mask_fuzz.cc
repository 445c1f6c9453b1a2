// Attacks the masking of personal data: the input is a rule file, and, behind a line "---", a text for its rules.
// Whatever the patterns are, masking comes to an end; the built-in rules leave nothing that they would mask once more.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "security/text_mask.h"
#include "text/normalize.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto cut = input.find("\n---\n");
  const auto text = warifu::normalize_text(cut == input.npos ? input : input.substr(cut + 5));
  if (const auto rules = warifu::read_mask_rules(input.substr(0, cut), "rules.toml"))
    if (const auto mask = warifu::TextMask::compile(*rules); mask && text) static_cast<void>(mask->mask(*text));
  if (!text) return 0;
  static const warifu::TextMask built_in = warifu::TextMask::compile(warifu::built_in_mask_rules()).value();
  const auto once = built_in.mask(*text);
  if (!once) return 0;
  const auto twice = built_in.mask(once->text);
  if (!twice || twice->text != once->text || once->counts.empty() != (once->text == *text)) std::abort();
  return 0;
}
