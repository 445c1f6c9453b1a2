#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace warifu {

// How text meets the keyword index, an FTS5 table. FTS5 cuts at everything that is no letter and no number, which would
// make one token of a Japanese sentence; so runs of Han, kana, Hangul and Bopomofo are cut here, into overlapping
// pairs of characters. Two-character words, the commonest in Japanese, are then found, which trigrams miss.

// A search box holds a line, not a book: more of a query is not read.
inline constexpr std::size_t kMaxKeywordQueryBytes = 4096;
inline constexpr std::size_t kMaxKeywordPhrases = 32;

// NFKC, in lower case: what is compared where case and width must not matter. Malformed bytes become U+FFFD, a text
// longer than kMaxTextBytes is cut there.
std::string keyword_fold(std::string_view text);

// What the index stores of `text`: its words in lower case with one space between them, cut at every character that is
// no letter, number or mark ("IMG_0042.jpg": "img 0042 jpg"). A run of such East Asian characters gives its pairs and
// its last character: 雪だるま is "雪だ だる るま ま", so that every character of it begins a term. Any bytes are
// welcome, as in keyword_fold. Thread safety: reentrant.
std::string keyword_document(std::string_view text);

// What to ask the index.
struct KeywordQuery {
  // FTS5 expressions, each one phrase: quoted, whatever the user typed (`"img 0042 jpg"`, `"雪だ だる るま"`, `"雪"*`).
  // Distinct, at most kMaxKeywordPhrases, in the order of the query.
  std::vector<std::string> phrases;
  // words[i]: what the user wrote for phrases[i], folded ("img_0042.jpg", "雪だるま"), to mark matches with.
  std::vector<std::string> words;
};

// Each word is a phrase; what is joined by one of _ - . ' is one word ("abc-123" is found where abc stands before 123).
// East Asian runs are cut into words by ICU's dictionary, so that a sentence need not occur as a whole; a word of one
// character asks for every term that begins with it. Hiragana that stand alone (の, を, に …) and English words like
// "of" and "the" are left out where anything else is asked. No phrases: nothing to look for. Thread safety: reentrant.
KeywordQuery keyword_query(std::string_view text);

}  // namespace warifu
