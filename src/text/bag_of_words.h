#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// The classical text feature: one binary entry for each of the words found in most of the training
// texts (ties in ascending byte order), cut by split_words. Immutable; thread safety: reentrant.
class BagOfWords {
 public:
  // The `size` words found in most texts; fewer where the texts have fewer.
  static BagOfWords learn(std::span<const std::string> texts, std::size_t size);

  // One word a line, UTF-8, in rank order. A repeated or empty line or malformed UTF-8 is kBadFormat
  // naming the line.
  static Result<BagOfWords> load(const std::filesystem::path& path);
  Result<void> save(const std::filesystem::path& path) const;  // atomic

  std::size_t size() const { return words_.size(); }
  std::span<const std::string> words() const { return words_; }

  // out: [size()] zeros and ones.
  void encode(std::string_view text, std::span<float> out) const;

 private:
  explicit BagOfWords(std::vector<std::string> words);
  std::vector<std::string> words_;    // in rank order
  std::vector<std::size_t> by_word_;  // positions in words_, sorted by word
};

}  // namespace warifu
