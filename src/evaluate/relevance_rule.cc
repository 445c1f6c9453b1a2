#include <algorithm>
#include <array>
#include <utility>

#include "evaluate/relevance.h"

namespace warifu {
namespace {

constexpr std::array kKinds = {
    std::pair{std::string_view("any"), RelevanceRule::Kind::kAny},
    std::pair{std::string_view("all"), RelevanceRule::Kind::kAll},
    std::pair{std::string_view("graded"), RelevanceRule::Kind::kGraded},
};

Fail not_a_rule(std::string_view text, const std::string& reason) {
  return fail(ErrorCode::kInvalidArgument, "relevance '" + std::string(text) + "': " + reason,
              "write any, all or graded, and after a colon the label columns that count: any:articleType or "
              "all:articleType,baseColour; without columns every one counts");
}

std::string_view without_outer_spaces(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

Result<RelevanceRule> RelevanceRule::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view kind_name = without_outer_spaces(text.substr(0, colon));
  const auto* const known = std::ranges::find(kKinds, kind_name, &std::pair<std::string_view, Kind>::first);
  if (known == kKinds.end()) return not_a_rule(text, "no kind of relevance is called '" + std::string(kind_name) + "'");
  RelevanceRule rule;
  rule.kind = known->second;
  if (colon == std::string_view::npos) return rule;
  for (std::string_view rest = text.substr(colon + 1);;) {
    const std::size_t comma = rest.find(',');
    const std::string column(without_outer_spaces(rest.substr(0, comma)));
    if (column.empty()) return not_a_rule(text, "a column name is missing");
    if (std::ranges::find(rule.columns, column) != rule.columns.end())
      return not_a_rule(text, "column '" + column + "' is named twice");
    rule.columns.push_back(column);
    if (comma == std::string_view::npos) return rule;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace warifu
