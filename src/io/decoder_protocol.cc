#include "io/decoder_protocol.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/image.h"
#include "io/thumbnail.h"
#include "io/utf8.h"

namespace warifu {
namespace {

constexpr std::uint64_t kMaxFailureBytes = 4096;

Fail distrusted(const char* what) {
  return fail(ErrorCode::kInternal, std::string("the picture decoder's answer is not to be trusted: ") + what);
}

bool is_wanted_size(std::int64_t width, std::int64_t height, const DecoderRequest& request) {
  if (width < 1 || height < 1) return false;
  if (request.fitted == 0)  // both fit in 32 bits, so the product is exact
    return static_cast<double>(width * height) <= request.max_megapixels * 1e6;
  if (request.fit == static_cast<std::int32_t>(ImageFit::kShrinkOnly)) return std::max(width, height) <= request.size;
  return width == request.size && height == request.size;
}

// A thumbnail goes on to browsers: it must be of the kind that will be said of it.
bool is_wanted_file(std::string_view file, const DecoderRequest& request) {
  if (request.form == static_cast<std::int32_t>(ThumbnailForm::kJpeg)) return file.starts_with("\xFF\xD8\xFF");
  return file.size() > 12 && file.starts_with("RIFF") && file.substr(8).starts_with("WEBP");
}

// Its words are shown and logged: one line of text.
bool is_plain_line(std::string_view text) {
  return is_valid_utf8(text) && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
         });
}

DecoderOutcome wanted_outcome(DecoderTask task) {
  switch (task) {
    case DecoderTask::kDecode:
      return DecoderOutcome::kPicture;
    case DecoderTask::kThumbnail:
      return DecoderOutcome::kFile;
    case DecoderTask::kTryForbidden:
      return DecoderOutcome::kAttempts;
  }
  return DecoderOutcome::kFailure;
}

bool is_decoding_error(std::uint32_t code) {
  for (const ErrorCode possible : {ErrorCode::kBadFormat, ErrorCode::kInvalidArgument, ErrorCode::kInternal})
    if (code == static_cast<std::uint32_t>(possible)) return true;
  return false;
}

Result<void> check_failure(const DecoderAnswerHead& head) {
  if (!is_decoding_error(head.code)) return distrusted("an unknown error");
  if (head.body_bytes > kMaxFailureBytes || head.message_bytes == 0 || head.message_bytes > head.body_bytes)
    return distrusted("the size of its message");
  return {};
}

}  // namespace

Result<void> check_answer_head(const DecoderAnswerHead& head, const DecoderRequest& request) {
  if (head.magic != kDecoderMagic) return distrusted("its first bytes");
  if (head.outcome == DecoderOutcome::kFailure) return check_failure(head);
  if (head.outcome != wanted_outcome(request.task)) return distrusted("not what was asked for");
  if (head.outcome == DecoderOutcome::kAttempts)
    return head.body_bytes == kForbiddenAttempts.size() * sizeof(std::int32_t) ? Result<void>()
                                                                               : distrusted("its size");
  if (head.body_bytes == 0 || head.body_bytes > request.max_answer_bytes) return distrusted("its size");
  if (head.outcome == DecoderOutcome::kFile) return {};
  const std::int64_t width = head.width, height = head.height;
  if (!is_wanted_size(width, height, request)) return distrusted("the size of the picture");
  // Divided, because the product of three may be too large for 64 bits.
  if (head.body_bytes % 3 != 0 || head.body_bytes / 3 != static_cast<std::uint64_t>(width * height))
    return distrusted("the number of pixels");
  return {};
}

Result<DecoderAnswer> open_answer(const DecoderAnswerHead& head, std::vector<std::uint8_t> body,
                                  const DecoderRequest& request) {
  const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  DecoderAnswer answer;
  if (head.outcome == DecoderOutcome::kFailure) {
    const std::string_view message = text.substr(0, head.message_bytes), hint = text.substr(head.message_bytes);
    if (!is_plain_line(message) || !is_plain_line(hint)) return distrusted("its message is not a line of text");
    answer.failure = Error{static_cast<ErrorCode>(head.code), std::string(message), std::string(hint)};
    return answer;
  }
  if (head.outcome == DecoderOutcome::kFile && !is_wanted_file(text, request)) return distrusted("the kind of file");
  answer.width = head.width;
  answer.height = head.height;
  answer.body = std::move(body);
  return answer;
}

}  // namespace warifu
