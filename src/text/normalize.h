#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// One text longer than this is not a description of an item; everything in text/ is bounded by it.
inline constexpr std::size_t kMaxTextBytes = std::size_t{16} << 20;

// Position of the first byte that is not well-formed UTF-8 (overlong forms, surrogates and values
// above U+10FFFF count as malformed), or npos if all is well.
std::size_t first_invalid_utf8(std::string_view bytes);

// NFKC, control characters to spaces, white space runs to one space, trimmed: what is stored and
// encoded. Normalising twice changes nothing more. `text` must be well-formed UTF-8, else
// kBadFormat naming the byte; more than kMaxTextBytes is kInvalidArgument. Thread safety: reentrant.
Result<std::string> normalize_text(std::string_view text);

// Words in lower case by Unicode word boundaries (ICU, whose dictionary cuts Japanese), without
// punctuation and symbols: 図面と仕様書を照合する -> 図面 と 仕様 書 を 照合 する. Malformed bytes are
// dropped; of a text longer than kMaxTextBytes the first kMaxTextBytes are cut. Thread safety: reentrant.
std::vector<std::string> split_words(std::string_view text);

// A word of split_words and where it stands in the text: bytes [begin, end).
struct LocatedWord {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string word;  // in lower case
};

// Words as split_words cuts them, where they stand. `text` must be well-formed UTF-8; of a text longer than
// kMaxTextBytes the first kMaxTextBytes are cut. Thread safety: reentrant.
std::vector<LocatedWord> locate_words(std::string_view text);

// Bytes [begin, end) of a text.
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// `text` with a space in the place of each of these ranges, which ascend and do not overlap.
std::string without_ranges(std::string_view text, std::span<const TextRange> ranges);

// Lower case as in the root locale (no Turkish i; Greek final sigma is kept). Malformed bytes
// become U+FFFD; a text longer than kMaxTextBytes is cut there.
std::string lower_case(std::string_view text);

}  // namespace warifu
