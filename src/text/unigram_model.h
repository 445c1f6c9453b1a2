#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"

namespace warifu {

// A trained SentencePiece unigram vocabulary: cuts a text into the pieces whose scores (log
// probabilities) sum highest, and spells what no piece covers in bytes. The same ids as the
// SentencePiece library gives (held against it in the tests), read from the same file, without its protobuf and with
// every length of the file checked.
//
// Source: T. Kudo, "Subword Regularization", ACL 2018, section 3.2 (Viterbi over a unigram model).
class UnigramModel {
 public:
  // kBadFormat: not a model; kIncompatible: one with its own text normaliser, or other special ids than
  // ours (see sentencepiece_ids.h).
  static Result<UnigramModel> parse(std::string_view bytes);

  std::size_t size() const { return pieces_; }

  // Ids of `text`, which is normalised, well-formed UTF-8; empty for an empty text.
  std::vector<std::int32_t> encode(std::string_view text) const;

 private:
  UnigramModel() = default;

  struct Piece {
    std::int32_t id;
    float score;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  std::size_t pieces_ = 0;
  std::size_t longest_ = 0;  // bytes of the longest piece
  float unknown_score_ = 0;  // of a character that no piece covers
  std::unordered_map<std::string, Piece, TextHash, std::equal_to<>> by_text_;
  std::vector<std::int32_t> byte_ids_;  // [256]
};

}  // namespace warifu
