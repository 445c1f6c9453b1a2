#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace warifu {

// A long sentence is cut to runs of at most so many words, and of a text that is a single short phrase every run of
// so many words that follow each other is one ("navy blue shirt": "navy blue", "blue shirt").
inline constexpr std::size_t kLongestPhrase = 12;
inline constexpr std::size_t kPhraseWindow = 2;

// The parts of a text, in its order: its words (split_words) between marks of punctuation, Western and Japanese, long
// runs cut further and short texts by overlapping windows; words of a phrase are joined by one space. Where there are
// more than `most` (>= 1), neighbours are joined, so that no word is lost. A text without words has no phrase.
// Thread safety: reentrant.
std::vector<std::string> split_phrases(std::string_view text, std::size_t most);

}  // namespace warifu
