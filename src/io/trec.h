#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "io/atomic_file.h"

namespace warifu {

// An id as it stands in a TREC file, whose fields end at white space: every byte of a white space
// character (ASCII or Unicode), a control character or "%" becomes "%XX", so that percent-decoding
// gives the id back. "赤い 靴" becomes "赤い%20靴".
std::string trec_id(std::string_view id);

// Writes a TREC run, one line for each hit: "qid Q0 docid rank score tag". Programs such as
// trec_eval order by score and not by rank: give scores that fall with the rank.
// The file appears under its name on close() and not before.
//
// Thread safety: none; one owner.
class TrecRunWriter {
 public:
  // `tag` names the run. kInvalidArgument if it is empty; kNotFound or kIo with the system's reason.
  static Result<TrecRunWriter> open(const std::filesystem::path& path, std::string_view tag);

  // rank from 1; the score is written so that it reads back exactly. kInvalidArgument for an empty
  // id, rank 0, or a score that is not finite.
  Result<void> add(std::string_view query_id, std::string_view document_id, std::size_t rank, double score);
  Result<void> close();

 private:
  TrecRunWriter(AtomicFile file, std::string tag) : file_(std::move(file)), tag_(std::move(tag)) {}
  AtomicFile file_;
  std::string tag_;
};

// Writes TREC relevance judgements: "qid 0 docid relevance". As TrecRunWriter otherwise.
class TrecQrelsWriter {
 public:
  static Result<TrecQrelsWriter> open(const std::filesystem::path& path);

  // relevance 0: judged and not relevant. kInvalidArgument for an empty id or a negative relevance.
  Result<void> add(std::string_view query_id, std::string_view document_id, int relevance);
  Result<void> close();

 private:
  explicit TrecQrelsWriter(AtomicFile file) : file_(std::move(file)) {}
  AtomicFile file_;
};

}  // namespace warifu
