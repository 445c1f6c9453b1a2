#include "engine/explain_sentence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "text/normalize.h"

namespace warifu {
namespace {

constexpr std::size_t kMostWords = 3;     // of a side, in a sentence
constexpr float kAgainst = -0.3F;         // a word of this weight speaks against the match
constexpr std::size_t kLongestWord = 40;  // bytes
constexpr std::array<const char*, 9> kPlaces = {"top left", "top",         "top right", "left",        "middle",
                                                "right",    "bottom left", "bottom",    "bottom right"};
constexpr std::array<const char*, 9> kPlacesInJapanese = {"左上", "上",   "右上", "左",  "中央",
                                                          "右",   "左下", "下",   "右下"};

// Words of a side that `wanted` takes, heaviest first, each once.
template <typename Wanted>
std::vector<std::string> words_of(const ExplainedSide& side, const Wanted& wanted) {
  std::vector<const ExplainedWord*> words;
  for (const ExplainedWord& word : side.words)
    if (wanted(word)) words.push_back(&word);
  std::ranges::stable_sort(words,
                           [](const auto* a, const auto* b) { return std::abs(a->weight) > std::abs(b->weight); });
  std::vector<std::string> texts;
  std::vector<std::string> folded;
  for (const ExplainedWord* word : words) {
    if (texts.size() == kMostWords || word->end - word->begin > kLongestWord) continue;
    const auto text = side.text.substr(word->begin, word->end - word->begin);
    if (std::ranges::find(folded, lower_case(text)) != folded.end()) continue;
    folded.push_back(lower_case(text));
    texts.push_back(text);
  }
  return texts;
}

// Which ninth of the picture the named patches lie in, by their weights; nothing where none is named.
std::optional<std::size_t> place_of(const ExplainedSide& side) {
  double x = 0, y = 0, sum = 0;
  for (const NamedPatch& patch : side.named_patches) {
    const double weight = double{patch.weight};
    x += weight * (static_cast<double>(patch.column) + 0.5) / static_cast<double>(side.patches.columns);
    y += weight * (static_cast<double>(patch.row) + 0.5) / static_cast<double>(side.patches.rows);
    sum += weight;
  }
  if (sum <= 0) return std::nullopt;
  const auto third = [](double at) { return static_cast<std::size_t>(std::clamp(at * 3, 0.0, 2.0)); };
  return third(side.frame.y + side.frame.height * y / sum) * 3 + third(side.frame.x + side.frame.width * x / sum);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i)
    text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  return text;
}

std::string quoted(const std::vector<std::string>& words) {
  std::vector<std::string> marked;
  for (const std::string& word : words) marked.push_back("“" + word + "”");
  return joined(marked);
}

std::string quoted_in_japanese(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += "「" + word + "」";
  return text;
}

// What of each side holds the bits, and what speaks against them.
struct Reasons {
  std::vector<std::string> query_words, item_words, against;
  std::optional<std::size_t> query_place, item_place;
};

Reasons reasons_of(const Explanation& explanation) {
  const auto named = [](const ExplainedWord& word) { return word.named; };
  Reasons reasons;
  reasons.query_words = words_of(explanation.query, named);
  reasons.item_words = words_of(explanation.item, named);
  reasons.query_place = place_of(explanation.query);
  reasons.item_place = place_of(explanation.item);
  for (const ExplainedSide* side : {&explanation.query, &explanation.item})
    for (const std::string& word : words_of(*side, [](const ExplainedWord& one) { return one.weight <= kAgainst; }))
      if (reasons.against.size() < kMostWords) reasons.against.push_back(word);
  return reasons;
}

std::string in_english(const Explanation& explanation, const Reasons& reasons) {
  std::vector<std::string> parts;
  if (!reasons.query_words.empty()) parts.push_back(quoted(reasons.query_words) + " in the query");
  if (reasons.query_place) parts.push_back(fmt::format("the {} of the query picture", kPlaces[*reasons.query_place]));
  if (!reasons.item_words.empty()) parts.push_back(quoted(reasons.item_words) + " in its text");
  if (reasons.item_place) parts.push_back(fmt::format("the {} of its picture", kPlaces[*reasons.item_place]));
  auto sentence = fmt::format("{} of {} bits agree", explanation.bits - explanation.distance, explanation.bits);
  if (!parts.empty()) sentence += ", mostly because of " + joined(parts);
  if (!reasons.against.empty())
    sentence +=
        fmt::format("; {} {} against it", quoted(reasons.against), reasons.against.size() == 1 ? "speaks" : "speak");
  return sentence + ".";
}

std::string in_japanese(const Explanation& explanation, const Reasons& reasons) {
  std::vector<std::string> parts;
  if (!reasons.query_words.empty()) parts.push_back("検索語" + quoted_in_japanese(reasons.query_words));
  if (reasons.query_place) parts.push_back(fmt::format("検索画像の{}", kPlacesInJapanese[*reasons.query_place]));
  if (!reasons.item_words.empty()) parts.push_back("説明文の" + quoted_in_japanese(reasons.item_words));
  if (reasons.item_place) parts.push_back(fmt::format("登録画像の{}", kPlacesInJapanese[*reasons.item_place]));
  std::string list;
  for (const std::string& part : parts) list += (list.empty() ? "" : "と") + part;
  auto sentence = fmt::format("{}ビット中{}ビットが一致し", explanation.bits, explanation.bits - explanation.distance);
  sentence += parts.empty() ? "ています" : "、主な決め手は" + list + "です";
  if (!reasons.against.empty()) sentence += "（" + quoted_in_japanese(reasons.against) + "は逆に働いています）";
  return sentence + "。";
}

}  // namespace

Result<Language> parse_language(std::string_view name) {
  if (name == "en") return Language::kEnglish;
  if (name == "ja") return Language::kJapanese;
  return fail(ErrorCode::kInvalidArgument, fmt::format("language '{}' is neither en nor ja", name));
}

std::string explain_sentence(const Explanation& explanation, Language language) {
  const Reasons reasons = reasons_of(explanation);
  return language == Language::kJapanese ? in_japanese(explanation, reasons) : in_english(explanation, reasons);
}

}  // namespace warifu
