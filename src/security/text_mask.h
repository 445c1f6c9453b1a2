#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "security/mask_rules.h"

namespace warifu {

struct MaskedText {
  std::string text;
  std::map<std::string, std::size_t> counts;  // places masked, by name of the rule; empty: the text is as it was
};

// Puts replacements in the place of what rules describe. Rules act one after the other; text masked once comes back
// unchanged the second time, as far as no replacement looks like personal data.
//
// Work is bounded by steps of the matching, not by time, so that what is refused is refused on every machine.
//
// Thread safety: mask() may be called from any number of threads.
class TextMask {
 public:
  // kBadFormat naming the rule's place: a pattern that is not a regular expression, is longer than 4096 bytes, or is
  // satisfied by nothing at all.
  static Result<TextMask> compile(const std::vector<MaskRule>& rules);

  TextMask(TextMask&&) noexcept;
  TextMask& operator=(TextMask&&) noexcept;
  ~TextMask();

  // `text`: well-formed UTF-8 in NFKC (text/normalize.h), so that full-width digits are digits. kInvalidArgument if a
  // rule does not come to an end with this text: it must not be kept then.
  Result<MaskedText> mask(std::string_view text) const;

 private:
  struct Compiled;
  explicit TextMask(std::vector<Compiled> rules);

  std::vector<Compiled> rules_;
};

}  // namespace warifu
