#include "text/keyword_terms.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "text/normalize.h"

namespace warifu {
namespace {

enum class Kind { kNone, kMark, kWord, kEastAsian };

Kind kind_of(char32_t value) {
  const auto c = static_cast<UChar32>(value);
  const auto category = U_MASK(u_charType(c));
  if ((category & U_GC_M_MASK) != 0) return Kind::kMark;
  if ((category & (U_GC_L_MASK | U_GC_N_MASK)) == 0) return Kind::kNone;
  if (c < 0x1100) return Kind::kWord;  // nothing East Asian is below Hangul
  // hasScript, because ー belongs to no script of its own but is used in two.
  for (const UScriptCode script : {USCRIPT_HAN, USCRIPT_HIRAGANA, USCRIPT_KATAKANA, USCRIPT_HANGUL, USCRIPT_BOPOMOFO})
    if (uscript_hasScript(c, script) != 0) return Kind::kEastAsian;
  return Kind::kWord;
}

// Characters of one kind that follow each other in a folded text.
struct Run {
  bool east_asian = false;
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::vector<Run> runs_of(std::string_view folded) {
  std::vector<Run> runs;
  bool open = false;
  for (std::size_t at = 0; at < folded.size();) {
    const Utf8Step step = decode_utf8(folded, at);
    const Kind kind = kind_of(step.value);
    const bool continues = open && (kind == Kind::kMark || (kind == Kind::kEastAsian) == runs.back().east_asian);
    if (kind == Kind::kNone || (kind == Kind::kMark && !open)) {
      open = false;
    } else if (continues) {
      runs.back().end = at + step.length;
    } else {
      runs.push_back({kind == Kind::kEastAsian, at, at + step.length});
      open = true;
    }
    at += step.length;
  }
  return runs;
}

// The characters of a run, each with the marks behind it.
std::vector<std::string_view> characters_of(std::string_view run) {
  std::vector<std::string_view> characters;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < run.size();) {
    const Utf8Step step = decode_utf8(run, at);
    if (at > 0 && kind_of(step.value) != Kind::kMark) {
      characters.push_back(run.substr(begin, at - begin));
      begin = at;
    }
    at += step.length;
  }
  if (begin < run.size()) characters.push_back(run.substr(begin));
  return characters;
}

void append_term(std::string& out, std::string_view first, std::string_view second = {}) {
  if (!out.empty()) out.push_back(' ');
  out.append(first).append(second);
}

bool is_connector(std::string_view between) {
  constexpr std::array<std::string_view, 5> kConnectors = {"_", "-", ".", "'", "\u2019"};
  return std::ranges::find(kConnectors, between) != kConnectors.end();
}

bool is_lone_hiragana(std::string_view word) {
  const Utf8Step step = decode_utf8(word, 0);
  return step.length == word.size() && uscript_hasScript(static_cast<UChar32>(step.value), USCRIPT_HIRAGANA) != 0;
}

// Words that say how others belong together, and are in every sentence. English; Japanese ones are lone hiragana.
bool is_function_word(std::string_view word) {
  constexpr std::array<std::string_view, 20> kWords = {"a",   "an",   "and",  "are", "as",  "at",  "by",
                                                       "for", "from", "in",   "is",  "it",  "of",  "on",
                                                       "or",  "to",   "that", "the", "was", "with"};
  return is_lone_hiragana(word) || std::ranges::find(kWords, word) != kWords.end();
}

std::string quoted(std::string_view terms) {
  std::string out = "\"";
  for (const char c : terms) out.append(c == '"' ? 2 : 1, c);
  return out += '"';
}

// The phrase of a word that was cut out of an East Asian run.
std::string east_asian_phrase(std::string_view word) {
  const auto characters = characters_of(word);
  if (characters.size() == 1) return quoted(word) + "*";
  std::string pairs;
  for (std::size_t i = 0; i + 1 < characters.size(); ++i) append_term(pairs, characters[i], characters[i + 1]);
  return quoted(pairs);
}

}  // namespace

std::string keyword_fold(std::string_view text) {
  const std::string repaired = repair_utf8(utf8_prefix(text, kMaxTextBytes));
  const auto normal = normalize_text(utf8_prefix(repaired, kMaxTextBytes));
  return lower_case(normal ? *normal : repaired);
}

std::string keyword_document(std::string_view text) {
  const std::string folded = keyword_fold(text);
  std::string document;
  document.reserve(folded.size() * 2);
  for (const Run& run : runs_of(folded)) {
    const auto part = std::string_view(folded).substr(run.begin, run.end - run.begin);
    if (!run.east_asian) {
      append_term(document, part);
      continue;
    }
    const auto characters = characters_of(part);
    for (std::size_t i = 0; i < characters.size(); ++i)
      append_term(document, characters[i], i + 1 < characters.size() ? characters[i + 1] : std::string_view());
  }
  return document;
}

KeywordQuery keyword_query(std::string_view text) {
  const std::string folded = keyword_fold(utf8_prefix(text, kMaxKeywordQueryBytes));
  const auto part = [&](std::size_t begin, std::size_t end) {
    return std::string_view(folded).substr(begin, end - begin);
  };
  const std::vector<Run> runs = runs_of(folded);
  KeywordQuery all;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].east_asian) {
      for (std::string& word : split_words(part(runs[i].begin, runs[i].end))) {
        all.phrases.push_back(east_asian_phrase(word));
        all.words.push_back(std::move(word));
      }
      continue;
    }
    const std::size_t first = i;
    std::string terms(part(runs[i].begin, runs[i].end));
    while (i + 1 < runs.size() && !runs[i + 1].east_asian && is_connector(part(runs[i].end, runs[i + 1].begin))) {
      ++i;
      append_term(terms, part(runs[i].begin, runs[i].end));
    }
    all.phrases.push_back(quoted(terms));
    all.words.emplace_back(part(runs[first].begin, runs[i].end));
  }

  const bool nothing_else = std::ranges::all_of(all.words, is_function_word);
  KeywordQuery query;
  for (std::size_t i = 0; i < all.phrases.size() && query.phrases.size() < kMaxKeywordPhrases; ++i) {
    if (!nothing_else && is_function_word(all.words[i])) continue;
    if (std::ranges::find(query.phrases, all.phrases[i]) != query.phrases.end()) continue;
    query.phrases.push_back(std::move(all.phrases[i]));
    query.words.push_back(std::move(all.words[i]));
  }
  return query;
}

}  // namespace warifu
