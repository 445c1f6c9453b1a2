#include "text/normalize.h"

#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <memory>
#include <utility>

#include "base/utf8.h"

namespace warifu {
namespace {

icu::UnicodeString to_icu(std::string_view utf8) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(utf8.data(), static_cast<int32_t>(utf8.size())));
}

std::string without_malformed(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const Utf8Step step = decode_utf8(bytes, at);
    if (step.valid) out.append(bytes, at, step.length);
    at += step.length;
  }
  return out;
}

std::string collapse_spaces(const icu::UnicodeString& text) {
  std::string out;
  bool space = false;
  for (int32_t at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
    const UChar32 c = text.char32At(at);
    if (u_charType(c) == U_CONTROL_CHAR || u_isUWhiteSpace(c) != 0) {
      space = true;
      continue;
    }
    if (space && !out.empty()) out.push_back(' ');
    space = false;
    append_utf8(static_cast<char32_t>(c), out);
  }
  return out;
}

// Building a break iterator loads rules; one a thread is kept. Null only if ICU's data are missing.
icu::BreakIterator* word_iterator() {
  thread_local const std::unique_ptr<icu::BreakIterator> iterator = [] {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<icu::BreakIterator> made(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), status));
    if (U_FAILURE(status)) made.reset();
    return made;
  }();
  return iterator.get();
}

}  // namespace

std::size_t first_invalid_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const Utf8Step step = decode_utf8(bytes, at);
    if (!step.valid) return at;
    at += step.length;
  }
  return std::string_view::npos;
}

Result<std::string> normalize_text(std::string_view text) {
  if (text.size() > kMaxTextBytes)
    return fail(ErrorCode::kInvalidArgument,
                "text of " + std::to_string(text.size()) + " bytes, the limit is " + std::to_string(kMaxTextBytes));
  if (const std::size_t bad = first_invalid_utf8(text); bad != std::string_view::npos)
    return fail(ErrorCode::kBadFormat, "text is not UTF-8 at byte " + std::to_string(bad), "save the file as UTF-8");
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfkc = icu::Normalizer2::getNFKCInstance(status);
  if (U_FAILURE(status)) return fail(ErrorCode::kInternal, std::string("ICU: ") + u_errorName(status));
  const icu::UnicodeString composed = nfkc->normalize(to_icu(text), status);
  if (U_FAILURE(status)) return fail(ErrorCode::kInternal, std::string("ICU: ") + u_errorName(status));
  return collapse_spaces(composed);
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  icu::BreakIterator* const iterator = word_iterator();
  if (iterator == nullptr) return words;
  icu::UnicodeString lower = to_icu(without_malformed(utf8_prefix(text, kMaxTextBytes)));
  lower.toLower(icu::Locale::getRoot());
  iterator->setText(lower);
  int32_t begin = iterator->first();
  for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE; begin = end, end = iterator->next()) {
    if (iterator->getRuleStatus() < UBRK_WORD_NONE_LIMIT) continue;  // spaces, punctuation, symbols
    lower.tempSubStringBetween(begin, end).toUTF8String(words.emplace_back());
  }
  return words;
}

std::vector<LocatedWord> locate_words(std::string_view text) {
  std::vector<LocatedWord> words;
  icu::BreakIterator* const iterator = word_iterator();
  if (iterator == nullptr) return words;
  const icu::UnicodeString whole = to_icu(utf8_prefix(text, kMaxTextBytes));
  iterator->setText(whole);
  std::size_t at = 0;  // in `text`, of `begin`
  int32_t begin = iterator->first();
  for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE; begin = end, end = iterator->next()) {
    icu::UnicodeString part = whole.tempSubStringBetween(begin, end);
    std::string bytes;
    part.toUTF8String(bytes);
    const std::size_t from = std::exchange(at, at + bytes.size());
    if (iterator->getRuleStatus() < UBRK_WORD_NONE_LIMIT) continue;  // spaces, punctuation, symbols
    LocatedWord& word = words.emplace_back(LocatedWord{from, at, {}});
    part.toLower(icu::Locale::getRoot()).toUTF8String(word.word);
  }
  return words;
}

std::string without_ranges(std::string_view text, std::span<const TextRange> ranges) {
  std::string rest;
  std::size_t begin = 0;
  for (const TextRange& range : ranges) {
    rest += text.substr(begin, range.begin - begin);
    rest += ' ';
    begin = range.end;
  }
  return rest += text.substr(begin);
}

std::string lower_case(std::string_view text) {
  std::string out;
  to_icu(repair_utf8(utf8_prefix(text, kMaxTextBytes))).toLower(icu::Locale::getRoot()).toUTF8String(out);
  return out;
}

}  // namespace warifu
