#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace warifu {

// Byte-pair encoding of single words with the vocabulary layout of CLIP: 256 bytes, 256 bytes at a
// word's end, one symbol per merge, start, end. Immutable; thread safety: reentrant.
//
// Source: R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words with Subword
// Units", ACL 2016; bytes as in A. Radford et al., "Language Models are Unsupervised Multitask
// Learners", 2019.
class BytePairs {
 public:
  // `path`: a title line, then one merge "left right" a line, best first; plain or gzip. At most
  // `max_merges` are used, fewer where the file ends. kBadFormat names the line; kNotFound, kIo.
  static Result<BytePairs> load(const std::filesystem::path& path, std::size_t max_merges);

  std::size_t merges() const { return merges_; }
  std::size_t vocabulary_size() const { return 512 + merges_ + 2; }
  std::int32_t start_token() const { return static_cast<std::int32_t>(512 + merges_); }
  std::int32_t end_token() const { return start_token() + 1; }
  const std::string& content_hash() const { return hash_; }  // of the merges used

  // Appends the ids of one word. Again and again the best-ranked pair is joined everywhere, left to
  // right, until no pair is left that the vocabulary joins. O(n log n) for n bytes; at most 2^30.
  void encode_word(std::string_view word, std::vector<std::int32_t>& ids) const;

 private:
  struct Join {
    std::int32_t rank;
    std::int32_t symbol;
  };
  BytePairs() = default;
  Result<void> parse(std::string_view text, std::size_t max_merges);

  std::array<std::int32_t, 256> byte_symbol_{};
  std::unordered_map<std::uint64_t, Join> joins_;  // left << 32 | right
  std::size_t merges_ = 0;
  std::string hash_;
};

}  // namespace warifu
