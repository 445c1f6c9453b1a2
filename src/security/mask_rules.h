#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// One kind of personal data in text: what it looks like and what stands there instead.
struct MaskRule {
  std::string name;         // "e-mail": how counts and messages call it
  std::string pattern;      // ICU regular expression, over text in NFKC
  std::string replacement;  // taken as it stands: no groups are filled in
  std::string place;        // where it was read, for messages: "rules.toml:4", or "built in"

  bool operator==(const MaskRule&) const = default;
};

// E-mail addresses, employee numbers, phone numbers, in this order, which is that of masking: Japanese forms of
// numbers (03-1234-5678, 090…, 0120-…, (03)1234-5678, +81 …), North American ones and international ones that begin
// with
// + or 00. Ten digits without any mark are a phone number only behind a word such as "Tel". What is part of a longer
// code joined by hyphens (part numbers, dates, ISBN) is left alone.
std::vector<MaskRule> built_in_mask_rules();

// The built-in rules as a rule file changes them (docs/guide/anonymise.md):
//
//   [[rule]]
//   name = "customer number"
//   pattern = 'C-\d{6}'
//   replacement = "[customer]"      # may be left out: the name in brackets
//
//   [[rule]]
//   name = "phone"                  # of a rule that is there: the keys given replace its own
//   enabled = false
//
// New rules come after those that are there. `place` names the file in messages. kBadFormat with file and line: not
// TOML, an unknown key, a value of another type, a new rule without a pattern, a name given twice; kInvalidArgument:
// more than 100 rules. Whether patterns are good is seen by TextMask::compile.
Result<std::vector<MaskRule>> read_mask_rules(std::string_view toml, std::string_view place);

}  // namespace warifu
