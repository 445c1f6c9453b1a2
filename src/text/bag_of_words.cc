#include "text/bag_of_words.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "base/file.h"
#include "text/normalize.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;

// In how many texts each word stands, however often.
std::unordered_map<std::string, std::size_t> document_counts(std::span<const std::string> texts) {
  std::unordered_map<std::string, std::size_t> counts;
  for (const std::string& text : texts) {
    std::vector<std::string> words = split_words(text);
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    for (std::string& word : words) ++counts[std::move(word)];
  }
  return counts;
}

}  // namespace

BagOfWords::BagOfWords(std::vector<std::string> words) : words_(std::move(words)), by_word_(words_.size()) {
  std::iota(by_word_.begin(), by_word_.end(), std::size_t{0});
  std::sort(by_word_.begin(), by_word_.end(), [this](std::size_t a, std::size_t b) { return words_[a] < words_[b]; });
}

BagOfWords BagOfWords::learn(std::span<const std::string> texts, std::size_t size) {
  const auto counts = document_counts(texts);
  std::vector<std::pair<std::string, std::size_t>> ranked(counts.begin(), counts.end());
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (ranked.size() > size) ranked.resize(size);
  std::vector<std::string> words;
  words.reserve(ranked.size());
  for (auto& [word, count] : ranked) words.push_back(std::move(word));
  return BagOfWords(std::move(words));
}

Result<BagOfWords> BagOfWords::load(const std::filesystem::path& path) {
  const auto text = read_text_file(path, kMaxFileBytes);
  if (!text) return std::unexpected(text.error());
  const auto bad_line = [&](std::size_t line, const std::string& what) {
    return fail(ErrorCode::kBadFormat, path.string() + ":" + std::to_string(line) + ": " + what);
  };
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    std::string word = text->substr(begin, end - begin);
    if (word.empty()) return bad_line(words.size() + 1, "empty line, expected a word");
    if (first_invalid_utf8(word) != std::string::npos) return bad_line(words.size() + 1, "not UTF-8");
    words.push_back(std::move(word));
    begin = end + 1;
  }
  BagOfWords bag(std::move(words));
  for (std::size_t i = 1; i < bag.by_word_.size(); ++i) {
    const std::size_t line = std::max(bag.by_word_[i - 1], bag.by_word_[i]) + 1;
    if (bag.words_[bag.by_word_[i - 1]] == bag.words_[bag.by_word_[i]])
      return bad_line(line, "word '" + bag.words_[bag.by_word_[i]] + "' stands here twice");
  }
  return bag;
}

Result<void> BagOfWords::save(const std::filesystem::path& path) const {
  std::string text;
  for (const std::string& word : words_) text += word + '\n';
  return write_file_atomically(path, text);
}

void BagOfWords::encode(std::string_view text, std::span<float> out) const {
  assert(out.size() == words_.size() && "a bag of words is encoded into exactly size() entries");
  std::fill(out.begin(), out.end(), 0.0F);
  for (const std::string& word : split_words(text)) {
    const auto at = std::lower_bound(by_word_.begin(), by_word_.end(), word,
                                     [this](std::size_t i, const std::string& w) { return words_[i] < w; });
    if (at != by_word_.end() && words_[*at] == word) out[*at] = 1.0F;
  }
}

}  // namespace warifu
