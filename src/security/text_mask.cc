#include "security/text_mask.h"

#include <fmt/format.h>
#include <unicode/regex.h>
#include <unicode/unistr.h>

#include <utility>

namespace warifu {
namespace {

constexpr std::size_t kMaxPatternBytes = 4096;
constexpr std::int32_t kMaxStackBytes = 8 << 20;
// ICU calls ten thousand steps of the matcher one unit, a tenth of a millisecond or more. The built-in rules need up to
// a hundred steps a character.
constexpr std::int32_t kUnits = 500;
constexpr std::int32_t kCharactersPerUnit = 100;

icu::UnicodeString to_icu(std::string_view utf8) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(utf8.data(), static_cast<std::int32_t>(utf8.size())));
}

Fail bad_rule(const MaskRule& rule, std::string_view what, std::string hint) {
  return fail(ErrorCode::kBadFormat, fmt::format("{}: rule '{}': {}", rule.place, rule.name, what), std::move(hint));
}

Fail endless(const std::string& rule) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("rule '{}' does not come to an end with this text", rule),
              "shorten the text, or write the pattern without repetitions inside repetitions");
}

}  // namespace

struct TextMask::Compiled {
  std::string name;
  std::unique_ptr<const icu::RegexPattern> pattern;
  icu::UnicodeString replacement;
};

TextMask::TextMask(std::vector<Compiled> rules) : rules_(std::move(rules)) {}
TextMask::TextMask(TextMask&&) noexcept = default;
TextMask& TextMask::operator=(TextMask&&) noexcept = default;
TextMask::~TextMask() = default;

Result<TextMask> TextMask::compile(const std::vector<MaskRule>& rules) {
  std::vector<Compiled> compiled;
  for (const MaskRule& rule : rules) {
    if (rule.pattern.size() > kMaxPatternBytes)
      return bad_rule(rule,
                      fmt::format("a pattern of {} bytes, the limit is {}", rule.pattern.size(), kMaxPatternBytes),
                      "split it into several rules");
    UErrorCode status = U_ZERO_ERROR;
    UParseError where{};
    std::unique_ptr<const icu::RegexPattern> pattern(
        icu::RegexPattern::compile(to_icu(rule.pattern), 0, where, status));
    if (U_FAILURE(status))
      return bad_rule(rule,
                      fmt::format("not a regular expression at character {} ({})", where.offset, u_errorName(status)),
                      "patterns are those of ICU; put them in single quotes so that TOML leaves \\ alone");
    const icu::UnicodeString nothing;
    const std::unique_ptr<icu::RegexMatcher> matcher(pattern->matcher(nothing, status));
    if (U_FAILURE(status) || matcher->matches(status))
      return bad_rule(rule, "the pattern is satisfied by nothing at all", "use + where it says *");
    compiled.push_back({rule.name, std::move(pattern), to_icu(rule.replacement)});
  }
  return TextMask(std::move(compiled));
}

Result<MaskedText> TextMask::mask(std::string_view text) const {
  MaskedText masked;
  icu::UnicodeString current = to_icu(text);
  for (const Compiled& rule : rules_) {
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<icu::RegexMatcher> matcher(rule.pattern->matcher(current, status));
    if (U_FAILURE(status)) return fail(ErrorCode::kInternal, std::string("ICU: ") + u_errorName(status));
    matcher->setTimeLimit(kUnits + current.length() / kCharactersPerUnit, status);
    matcher->setStackLimit(kMaxStackBytes, status);
    icu::UnicodeString out;
    std::int32_t kept = 0;  // up to here `out` has it
    while (matcher->find(status)) {
      const std::int32_t begin = matcher->start(status), end = matcher->end(status);
      if (U_FAILURE(status)) break;
      if (begin == end) continue;  // a pattern that only looks around
      out.append(current, kept, begin - kept).append(rule.replacement);
      kept = end;
      ++masked.counts[rule.name];
    }
    if (status == U_REGEX_TIME_OUT || status == U_REGEX_STACK_OVERFLOW) return endless(rule.name);
    if (U_FAILURE(status)) return fail(ErrorCode::kInternal, std::string("ICU: ") + u_errorName(status));
    if (kept == 0) continue;
    out.append(current, kept, current.length() - kept);
    current = std::move(out);
  }
  if (masked.counts.empty()) {
    masked.text = text;
  } else {
    current.toUTF8String(masked.text);
  }
  return masked;
}

}  // namespace warifu
