#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// Text to token ids in [0, vocabulary_size()). Thread safety: reentrant after construction.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Ids without padding; never empty, because an end token closes every text. Malformed UTF-8 is
  // replaced by U+FFFD, never refused; a text longer than kMaxTextBytes is cut there.
  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;

  virtual std::size_t vocabulary_size() const = 0;

  // Bytes that name this vocabulary; enters the fingerprint of a code space.
  virtual std::string fingerprint() const = 0;
};

// CLIP's byte-pair tokenizer, lower-cased, with start (49406) and end (49407) tokens.
// `merges` is bpe_simple_vocab_16e6.txt or its .gz: its first line is a title, merges on lines
// 2 … 48895 are used. A file with fewer gives a smaller vocabulary, whose last two ids are start and end.
// kBadFormat names the line.
//
// Like the reference, text is taken as it is: normalize_text() before, if wanted. Character
// references are resolved twice, white space is collapsed; the reference's optional ftfy step (which
// repairs wrongly decoded text) is left out, as in the released ports of the model.
//
// Source: A. Radford et al., "Learning Transferable Visual Models From Natural Language
// Supervision", ICML 2021; clip/simple_tokenizer.py of its release.
Result<std::unique_ptr<Tokenizer>> load_clip_tokenizer(const std::filesystem::path& merges);

// Cut to `context` ids as the reference does: a longer row keeps its first context - 1 ids and the
// end token; a shorter one is padded with 0.
std::vector<std::int32_t> pad_clip_tokens(std::span<const std::int32_t> ids, std::size_t context);

// SentencePiece unigram model trained on the workspace's own texts, so that any language works:
// normalize_text() (NFKC) and lower case, byte fallback for what it never saw, at most `vocabulary`
// pieces (fewer when the texts are few). Id 0 is padding and 1 "unknown": neither comes from a
// text; 2 closes every text. Of a huge corpus an even sample of kMaxTrainingBytes is learnt from.
//
// Deterministic: same texts in the same order, same bytes. Writes `model` (atomic).
// kInvalidArgument if no text has a character, a text is not UTF-8, or `vocabulary` is below
// kMinPieces (the 256 bytes, the three above and some characters).
inline constexpr std::size_t kMinPieces = 320;
inline constexpr std::size_t kMaxTrainingBytes = std::size_t{4} << 20;
Result<void> train_sentencepiece(std::span<const std::string> texts, std::size_t vocabulary,
                                 const std::filesystem::path& model);

// A model that train_sentencepiece() wrote. kIncompatible if it holds its own normaliser (another
// program's model); kBadFormat if it is damaged.
Result<std::unique_ptr<Tokenizer>> load_sentencepiece(const std::filesystem::path& model);

}  // namespace warifu
