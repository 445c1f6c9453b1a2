#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"
#include "text/byte_pairs.h"
#include "text/html_entities.h"
#include "text/normalize.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

constexpr std::size_t kMergesUsed = 49152 - 256 - 2;
constexpr std::u32string_view kStartText = U"<|startoftext|>";
constexpr std::u32string_view kEndText = U"<|endoftext|>";
constexpr std::array<std::u32string_view, 7> kContractions = {U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"};

// What Python's re calls \s: White_Space and the four ASCII separators.
bool is_space(char32_t c) { return (c >= 0x1C && c <= 0x1F) || u_isUWhiteSpace(static_cast<UChar32>(c)) != 0; }
bool is_letter(char32_t c) { return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_L_MASK) != 0; }
bool is_number(char32_t c) { return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_N_MASK) != 0; }

// The pattern is matched without regard to case, which matters for U+017F (long s) even in lower case.
bool starts_with_folded(std::u32string_view text, std::u32string_view wanted) {
  return text.size() >= wanted.size() &&
         std::equal(wanted.begin(), wanted.end(), text.begin(), [](char32_t w, char32_t t) {
           return static_cast<char32_t>(u_foldCase(static_cast<UChar32>(t), U_FOLD_CASE_DEFAULT)) == w;
         });
}

// Unescaped, white space collapsed and trimmed, lower case.
std::u32string clean(std::string_view text) {
  const std::string lower = lower_case(unescape_html(unescape_html(repair_utf8(utf8_prefix(text, kMaxTextBytes)))));
  std::u32string out;
  bool space = false;
  for (std::size_t at = 0; at < lower.size();) {
    const Utf8Step step = decode_utf8(lower, at);
    at += step.length;
    if (is_space(step.value)) {
      space = true;
      continue;
    }
    if (space && !out.empty()) out.push_back(U' ');
    space = false;
    out.push_back(step.value);
  }
  return out;
}

// Length of the pretoken at the beginning of `text`, which is not a space:
//   <|startoftext|> | <|endoftext|> | 's | 't | 're | 've | 'm | 'll | 'd | [\p{L}]+ | [\p{N}] | [^\s\p{L}\p{N}]+
std::size_t pretoken_length(std::u32string_view text) {
  for (const auto special : {kStartText, kEndText})
    if (starts_with_folded(text, special)) return special.size();
  for (const auto contraction : kContractions)
    if (starts_with_folded(text, contraction)) return contraction.size();
  const auto run = [text](auto belongs) {
    return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), belongs) - text.begin());
  };
  if (is_number(text.front())) return 1;
  if (is_letter(text.front())) return run(is_letter);
  return run([](char32_t c) { return !is_space(c) && !is_letter(c) && !is_number(c); });
}

class ClipTokenizer final : public Tokenizer {
 public:
  explicit ClipTokenizer(BytePairs pairs) : pairs_(std::move(pairs)) {}

  std::vector<std::int32_t> encode(std::string_view text) const override {
    const std::u32string cleaned = clean(text);
    std::vector<std::int32_t> ids{pairs_.start_token()};
    std::u32string_view rest = cleaned;
    std::string word;
    while (!rest.empty()) {
      if (rest.front() == U' ') {
        rest.remove_prefix(1);
        continue;
      }
      const std::u32string_view token = rest.substr(0, pretoken_length(rest));
      rest.remove_prefix(token.size());
      if (token == kStartText || token == kEndText) {
        ids.push_back(token == kStartText ? pairs_.start_token() : pairs_.end_token());
        continue;
      }
      word.clear();
      for (const char32_t c : token) append_utf8(c, word);
      pairs_.encode_word(word, ids);
    }
    ids.push_back(pairs_.end_token());
    return ids;
  }

  std::size_t vocabulary_size() const override { return pairs_.vocabulary_size(); }
  std::string fingerprint() const override { return "clip-bpe-1:" + pairs_.content_hash(); }

 private:
  BytePairs pairs_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_clip_tokenizer(const std::filesystem::path& merges) {
  auto pairs = BytePairs::load(merges, kMergesUsed);
  if (!pairs) return std::unexpected(std::move(pairs).error());
  return std::make_unique<ClipTokenizer>(*std::move(pairs));
}

std::vector<std::int32_t> pad_clip_tokens(std::span<const std::int32_t> ids, std::size_t context) {
  std::vector<std::int32_t> row(context, 0);
  std::copy_n(ids.begin(), std::min(ids.size(), context), row.begin());
  if (ids.size() > context && context > 0) row.back() = ids.back();
  return row;
}

}  // namespace warifu
