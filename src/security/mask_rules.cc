#include "security/mask_rules.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <span>

namespace warifu {
namespace {

constexpr std::size_t kMaxRules = 100;
constexpr std::string_view kKnownKeys = "a rule has name, pattern, replacement and enabled";

constexpr std::string_view kEmail =
    R"re((?<![A-Za-z0-9])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}+(?:@|\s?[(\[](?i:at)[)\]]\s?))re"
    R"re((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}(?:xn--[A-Za-z0-9-]{2,59}|[A-Za-z]{2,24}))re";

constexpr std::string_view kEmployee =
    R"re((?i)(?:(?:社員|従業員|職員)(?:番号|コード|\s?(?:no\.?|id))|(?<![a-z])(?:employee|staff|personnel)\s?(?:no\.?|number|id|#))re"
    R"re(|(?<![a-z])emp(?:\.\s?|\s)?(?:no\.?|id|#)?)\s?(?:[:=#は]\s?)?[a-z]{0,3}-?\d{4,10}(?!\d))re";

// How numbers are cut, with '_' for a separator and '#' for a digit.
constexpr std::array kPhonesWithZero = {
    "0[25789]0_####_####",                                              // 090-1234-5678
    "0[5789]0_?########",                                               // 090-12345678, 09012345678
    "0800_###_####",                                                    // free of charge
    "0[1-9]_####_####",                                                 // 03-1234-5678
    "0[1-9]#_###_####",                                                 // 045-123-4567
    "0[1-9]##_##_####",                                                 // 0467-12-3456
    "0[1-9]##_###_###",                                                 // 0120-123-456
    "0[1-9]###_#_####",                                                 // 04992-2-1234
    "0[1-9]_########|0[1-9]#_#######",                                  // 03-12345678
    R"(0[1-9]#{0,3}\(#{1,4}\)_?####)",                                  // 03(1234)5678
    "(?=00(?:~{0,3}#){9,15}(?!#))00[1-9]#{0,2}(?:~{1,3}#{1,11}){2,6}",  // 0081-3-1234-5678
};
constexpr std::array kOtherPhones = {
    R"((?:1_)?\([2-9]##\)_?[2-9]##(?:_|\.)####)",  // (212) 555-0123
    R"((?:1_)?[2-9]##[-.][2-9]##[-.]####)",        // 212-555-0123
    R"(\+[1-9](?:~{0,3}#){7,14})",                 // +81 (0)3-1234-5678
};
constexpr const char* kPhoneInBrackets = R"(\(0[1-9]#{0,3}\)_?#{1,4}_?####)";  // (03)1234-5678

// '_' is one of the many hyphens, the long vowel mark that is typed for one in Japanese, or a space; '~' is a mark of
// any such kind, also dots and brackets.
std::string written_out(std::string_view form) {
  std::string pattern;
  for (const char c : form) {
    if (c == '_') {
      pattern += "(?: ?[-\u2010-\u2015\u2212\u30FC] ?| )";
    } else if (c == '~') {
      pattern += "[-\u2010-\u2015\u2212\u30FC(). ]";
    } else if (c == '#') {
      pattern += "[0-9]";
    } else {
      pattern += c;
    }
  }
  return pattern;
}

std::string one_of(std::span<const char* const> forms) {
  std::string pattern;
  for (const char* form : forms) pattern += (pattern.empty() ? "(?:" : "|") + written_out(form);
  return pattern + ")";
}

// The guards: not inside a longer number, and not inside a code whose parts are joined by hyphens; Latin letters in
// front are such a code too, unless they are a word for telephone.
std::string phone_pattern() {
  const std::string begin = R"((?:(?<![A-Za-z]|[0-9A-Za-z][-_])|(?<=(?i:tel|fax|phone|mobile)[-.:]?)))";
  const std::string behind_word = R"((?<=(?i:tel|fax|phone|mobile|電話|携帯)(?:番号)?[.:は]{0,2} ?))";
  const std::string end = R"((?![0-9]|[-_][0-9A-Za-z]))";
  return "(?<![0-9])(?=[0-9+(])(?:(?=0)" + begin + one_of(kPhonesWithZero) + "|(?=[1-9+(])" + begin +
         one_of(kOtherPhones) + "|" + written_out(kPhoneInBrackets) + "|(?=0[1-9][0-9]{8})" + behind_word +
         "[0-9]{10})" + end;
}

int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

class RuleReader {
 public:
  explicit RuleReader(std::string_view place) : place_(place) {}

  Result<std::vector<MaskRule>> read(const toml::table& file) {
    for (const auto& [key, value] : file)
      if (key != "rule") return bad(value, fmt::format("unknown key '{}'", key.str()), "rules are written as [[rule]]");
    const toml::node* list = file.get("rule");
    if (list == nullptr) return std::move(rules_);
    if (!list->is_array_of_tables())
      return bad(*list, "'rule' is not a list of rules", "rules are written as [[rule]]");
    for (const toml::node& entry : *list->as_array())
      if (auto taken = take(*entry.as_table()); !taken) return std::unexpected(taken.error());
    if (rules_.size() > kMaxRules)
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {} rules, the limit is {}", place_, rules_.size(), kMaxRules));
    return std::move(rules_);
  }

 private:
  Fail bad(const toml::node& node, std::string_view what, std::string hint = {}) const {
    return fail(ErrorCode::kBadFormat, fmt::format("{}:{}: {}", place_, line_of(node), what), std::move(hint));
  }

  Result<std::optional<std::string>> text(const toml::table& rule, std::string_view key) const {
    const toml::node* node = rule.get(key);
    if (node == nullptr) return std::nullopt;
    if (!node->is_string()) return bad(*node, fmt::format("'{}' is not a text", key), "put it in quotes");
    return std::optional<std::string>(node->as_string()->get());
  }

  Result<void> take(const toml::table& rule) {
    for (const auto& [key, value] : rule)
      if (key != "name" && key != "pattern" && key != "replacement" && key != "enabled")
        return bad(value, fmt::format("unknown key '{}'", key.str()), std::string(kKnownKeys));
    const auto name = text(rule, "name");
    if (!name) return std::unexpected(name.error());
    if (!*name || (*name)->empty()) return bad(rule, "a rule without a name", std::string(kKnownKeys));
    if (!seen_.insert(**name).second)
      return bad(rule, fmt::format("a second rule '{}'", **name), "give each rule a name of its own");
    const auto pattern = text(rule, "pattern");
    if (!pattern) return std::unexpected(pattern.error());
    const auto replacement = text(rule, "replacement");
    if (!replacement) return std::unexpected(replacement.error());
    const toml::node* enabled = rule.get("enabled");
    if (enabled != nullptr && !enabled->is_boolean())
      return bad(*enabled, "'enabled' is neither true nor false", "write it without quotes");

    const auto known = std::ranges::find(rules_, **name, &MaskRule::name);
    if (enabled != nullptr && !enabled->as_boolean()->get()) {
      if (known != rules_.end()) rules_.erase(known);
      return {};
    }
    if (known == rules_.end() && !*pattern)
      return bad(rule, fmt::format("rule '{}' has no pattern", **name), std::string(kKnownKeys));
    MaskRule& target =
        known == rules_.end() ? rules_.emplace_back(MaskRule{**name, "", "[" + **name + "]", ""}) : *known;
    if (*pattern) target.pattern = **pattern;
    if (*replacement) target.replacement = **replacement;
    target.place =
        fmt::format("{}:{}", place_, line_of(*pattern ? *rule.get("pattern") : static_cast<const toml::node&>(rule)));
    return {};
  }

  std::string_view place_;
  std::vector<MaskRule> rules_ = built_in_mask_rules();
  std::set<std::string> seen_;
};

}  // namespace

std::vector<MaskRule> built_in_mask_rules() {
  // Numbers of employees before those of phones: "社員番号: 0312345678" is one of the former.
  return {{"e-mail", std::string(kEmail), "[e-mail]", "built in"},
          {"employee number", std::string(kEmployee), "[employee number]", "built in"},
          {"phone", phone_pattern(), "[phone]", "built in"}};
}

Result<std::vector<MaskRule>> read_mask_rules(std::string_view toml, std::string_view place) {
  try {
    return RuleReader(place).read(toml::parse(toml));
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kBadFormat,
                fmt::format("{}:{}: {}", place, static_cast<int>(error.source().begin.line), error.description()),
                "rule files are TOML; patterns are best put in single quotes");
  }
}

}  // namespace warifu
