#include "text/phrases.h"

#include <algorithm>
#include <cassert>
#include <span>

#include "base/utf8.h"
#include "text/normalize.h"

namespace warifu {
namespace {

using Words = std::vector<std::string>;

// Marks that end a phrase wherever they stand.
constexpr std::u32string_view kMarks =
    U"!?;()[]{}|\n\r\"\u2013\u2014\u2026\u3001\u3002\u300C\u300D\u300E\u300F\u3010"
    U"\u3011\u30FB\uFF01\uFF08\uFF09\uFF0C\uFF0E\uFF1A\uFF1B\uFF1F";

// Marks that also stand inside of words and numbers (3.5, 12:30, wash-and-wear): they end a phrase before a space.
constexpr std::string_view kWeakMarks = ".,:-/";

bool ends_phrase(std::string_view text, std::size_t at, const Utf8Step& step) {
  if (kMarks.contains(step.value)) return true;
  if (step.length != 1 || !kWeakMarks.contains(text[at])) return false;
  return at + 1 == text.size() || text[at + 1] == ' ' || text[at + 1] == '\t' || text[at + 1] == '\n';
}

std::string join_words(std::span<const std::string> words) {
  std::string phrase;
  for (const std::string& word : words) (phrase += phrase.empty() ? "" : " ") += word;
  return phrase;
}

// `words` in runs of nearly one length, at most kLongestPhrase.
void add_runs(const Words& words, std::vector<std::string>& phrases) {
  const std::size_t runs = (words.size() + kLongestPhrase - 1) / kLongestPhrase;
  for (std::size_t i = 0; i < runs; ++i) {
    const std::size_t begin = i * words.size() / runs;
    phrases.push_back(join_words(std::span(words).subspan(begin, (i + 1) * words.size() / runs - begin)));
  }
}

std::vector<std::string> windows(const Words& words) {
  std::vector<std::string> phrases;
  for (std::size_t i = 0; i + kPhraseWindow <= words.size(); ++i)
    phrases.push_back(join_words(std::span(words).subspan(i, kPhraseWindow)));
  return phrases;
}

}  // namespace

std::vector<std::string> split_phrases(std::string_view text, std::size_t most) {
  assert(most >= 1 && "a text has at least one part");
  text = utf8_prefix(text, kMaxTextBytes);
  std::vector<std::string> phrases;
  Words last;  // words of the phrase added last
  std::size_t begin = 0;
  const auto end_at = [&](std::size_t end) {
    if (end == begin) return;
    Words words = split_words(text.substr(begin, end - begin));
    if (words.empty()) return;
    add_runs(words, phrases);
    last = std::move(words);
  };
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = decode_utf8(text, at);
    if (ends_phrase(text, at, step)) {
      end_at(at);
      begin = at + step.length;
    }
    at += step.length;
  }
  end_at(text.size());
  if (phrases.size() == 1 && last.size() > kPhraseWindow) phrases = windows(last);
  if (phrases.size() <= most) return phrases;
  std::vector<std::string> joined;
  for (std::size_t i = 0; i < most; ++i) {
    const std::size_t first = i * phrases.size() / most;
    joined.push_back(join_words(std::span(phrases).subspan(first, (i + 1) * phrases.size() / most - first)));
  }
  return joined;
}

}  // namespace warifu
