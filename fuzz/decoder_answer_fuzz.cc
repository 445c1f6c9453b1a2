// What a picture decoder that was taken over may answer: whatever the bytes, it is refused, or it is what was asked
// for.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "base/image.h"
#include "io/decoder_protocol.h"
#include "io/utf8.h"

namespace {

using warifu::DecoderAnswer;
using warifu::DecoderAnswerHead;
using warifu::DecoderRequest;
using warifu::DecoderTask;

DecoderRequest request_number(std::uint8_t number) {
  DecoderRequest request;
  request.task = static_cast<DecoderTask>(1 + number % 3);
  request.max_answer_bytes = 4096;
  request.max_megapixels = 0.001;
  request.fitted = (number / 3) % 2;
  request.size = 8;
  request.fit = (number / 6) % 4;
  request.form = (number / 24) % 2;
  return request;
}

void check(const DecoderAnswer& answer, const DecoderAnswerHead& head, const DecoderRequest& request) {
  if (answer.failure) {
    for (const auto& text : {answer.failure->message, answer.failure->hint})
      if (!warifu::is_valid_utf8(text) || text.find_first_of("\n\r\x1b") != text.npos) std::abort();
    if (answer.failure->message.empty()) std::abort();
    return;
  }
  if (answer.body.size() > request.max_answer_bytes || answer.body.size() != head.body_bytes) std::abort();
  if (request.task != DecoderTask::kDecode) return;
  if (answer.width < 1 || answer.height < 1 || answer.body.size() / 3 > 1365 || answer.body.size() % 3 != 0 ||
      static_cast<std::size_t>(answer.width) * static_cast<std::size_t>(answer.height) != answer.body.size() / 3)
    std::abort();
  if (request.fitted != 0 && (answer.width > 8 || answer.height > 8)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 + sizeof(DecoderAnswerHead)) return 0;
  const DecoderRequest request = request_number(data[0]);
  DecoderAnswerHead head;
  std::memcpy(&head, data + 1, sizeof head);
  if (!warifu::check_answer_head(head, request)) return 0;
  if (head.body_bytes > 4096) std::abort();  // it would have been allocated
  std::vector<std::uint8_t> body(data + 1 + sizeof head, data + size);
  body.resize(head.body_bytes);
  if (const auto answer = warifu::open_answer(head, std::move(body), request)) check(*answer, head, request);
  return 0;
}
