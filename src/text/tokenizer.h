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

// Text to token ids. Thread safety: reentrant after construction.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Ids without padding. Malformed UTF-8 is replaced by U+FFFD, never refused.
  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;

  virtual std::size_t vocabulary_size() const = 0;

  // Bytes that name this vocabulary; enters the fingerprint of a code space.
  virtual std::string fingerprint() const = 0;
};

// CLIP's byte-pair tokenizer (Radford et al. 2021), lower-cased, with start (49406) and end (49407) tokens.
// `merges` is bpe_simple_vocab_16e6.txt or its .gz; merges 2 … 48895 are used.
Result<std::unique_ptr<Tokenizer>> load_clip_tokenizer(const std::filesystem::path& merges);

// Cut to `context` ids as the reference does: a longer row keeps its first context - 1 ids and the
// end token; a shorter one is padded with 0.
std::vector<std::int32_t> pad_clip_tokens(std::span<const std::int32_t> ids, std::size_t context);

// SentencePiece unigram model trained on the workspace's own texts, so that any language works:
// byte fallback, NFKC, at most `vocabulary` pieces (fewer when the texts are few).
// Deterministic: same texts, same bytes. Writes `model` (atomic). kInvalidArgument if no text has a character.
Result<void> train_sentencepiece(std::span<const std::string> texts, std::size_t vocabulary,
                                 const std::filesystem::path& model);
Result<std::unique_ptr<Tokenizer>> load_sentencepiece(const std::filesystem::path& model);

}  // namespace warifu
