#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/image.h"
#include "codes/code_matrix.h"
#include "codes/code_space.h"
#include "encode/encoder.h"

namespace warifu {

struct QueryContent {
  std::optional<std::string> text;  // normalised
  std::optional<Image> picture;     // in the encoder's picture_format()
  bool wants_embedding = false;     // only where the encoder has an embedding_width()
  // What the code is made from; kBoth needs both.
  Modality modality() const { return picture && text ? Modality::kBoth : picture ? Modality::kImage : Modality::kText; }
};

// The words of a query, normalised. kInvalidArgument where there are none; errors of normalize_text, which `where`
// begins.
Result<std::string> query_text(std::string_view typed, std::string_view where);

struct EncodedQuery {
  CodeMatrix code;  // one row
  std::vector<float> embedding;
};

// The code of `space` for one query, without anybody between. kInvalidArgument for empty content; kIncompatible where
// the encoder has no such space; errors of Encoder::encode and embed. Threads: as Encoder::encode.
Result<EncodedQuery> encode_query(const Encoder& encoder, const CodeSpace& space, const QueryContent& content);

// The one owner of a model that answers queries: a thread that encodes together what waits at that moment and is of
// one modality (at most kLargestBatch). A code does not depend on its neighbours, so nobody sees that there were some.
//
// Thread safety: encode() may be called from any thread; it waits for its answer.
class QueryEncoder {
 public:
  static constexpr std::size_t kLargestBatch = 32;

  // `space` is one of encoder->spaces(), `encoder` without a caveat.
  QueryEncoder(std::unique_ptr<Encoder> encoder, CodeSpace space);
  QueryEncoder(const QueryEncoder&) = delete;
  QueryEncoder& operator=(const QueryEncoder&) = delete;
  ~QueryEncoder();  // answers what waits, then ends

  // kInvalidArgument for empty content; errors of Encoder::encode and embed.
  Result<EncodedQuery> encode(const QueryContent& content);

  const Encoder& encoder() const { return *encoder_; }  // its const properties; not encode()
  std::size_t waiting() const;

 private:
  struct Job {
    const QueryContent* content;
    Result<EncodedQuery> answer = fail(ErrorCode::kInternal, "not answered");
    bool done = false;
  };
  void run();
  void answer(std::span<Job* const> batch);

  std::unique_ptr<Encoder> encoder_;
  CodeSpace space_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable answered_;
  std::deque<Job*> jobs_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace warifu
