#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

// What PictureDecoder and its processes say to each other: a request of fixed size and the picture's bytes, then an
// answer of fixed size and its body. Both ends are of one build on one machine, so numbers travel as they lie in
// memory.
//
// The process may have been taken over by a picture: nothing of an answer is used before it passed the checks here.
namespace warifu {

inline constexpr std::uint32_t kDecoderMagic = 0x57444331;  // "WDC1"; changes with the layout
inline constexpr int kDecoderSocket = 3;                    // the process' only open descriptor beside 0, 1, 2

enum class DecoderTask : std::uint32_t { kDecode = 1, kThumbnail = 2, kTryForbidden = 3 };

struct DecoderRequest {
  std::uint32_t magic = kDecoderMagic;
  DecoderTask task = DecoderTask::kDecode;
  std::uint64_t payload_bytes = 0;
  std::uint64_t max_bytes = 0;
  double max_megapixels = 0;
  std::uint64_t max_answer_bytes = 0;
  std::uint32_t fitted = 0;     // 1: size, fit and resampling are a PictureFormat; `size` is a thumbnail's side, too
  std::int32_t size = 0;        //
  std::int32_t fit = 0;         // ImageFit
  std::int32_t resampling = 0;  // Resampling
  std::int32_t form = 0;        // ThumbnailForm
  std::int32_t quality = 0;
};
static_assert(sizeof(DecoderRequest) == 64, "no gaps: it travels as it lies in memory");

enum class DecoderOutcome : std::uint32_t { kPicture = 1, kFile = 2, kAttempts = 3, kFailure = 4 };

struct DecoderAnswerHead {
  std::uint32_t magic = kDecoderMagic;
  DecoderOutcome outcome = DecoderOutcome::kFailure;
  std::int32_t width = 0;           // kPicture
  std::int32_t height = 0;          // kPicture
  std::uint32_t code = 0;           // kFailure: ErrorCode
  std::uint32_t message_bytes = 0;  // kFailure: the body's first part; the rest is the hint
  std::uint64_t body_bytes = 0;
};
static_assert(sizeof(DecoderAnswerHead) == 32, "no gaps: it travels as it lies in memory");

// Said once, before the first request: the doors are closed.
struct DecoderHello {
  std::uint32_t magic = kDecoderMagic;
  std::uint32_t sandboxed = 0;  // 1: system calls are filtered
  std::int32_t reason = 0;      // errno, if they are not
  std::uint32_t fonts = 0;      // 1: files of fonts can be read
};
static_assert(sizeof(DecoderHello) == 16, "no gaps: it travels as it lies in memory");

// What kTryForbidden tries, in the order of its answer: one errno each, 0 where it was possible.
inline constexpr std::array<std::string_view, 10> kForbiddenAttempts = {
    "read /etc/passwd",       "write a file",         "list a folder",
    "open a socket",          "execute a program",    "fork",
    "signal another process", "read another process", "make memory executable",
    "raise its limits"};

struct DecoderAnswer {
  std::optional<Error> failure;  // the process' own, checked: one line of text with a code that decoding can have
  int width = 0;                 // of a picture; body.size() == width * height * 3
  int height = 0;
  std::vector<std::uint8_t> body;  // pixels, or the bytes of an encoded file, or int32 errnos
};

// Whether an answer to `request` may begin so; body_bytes is then at most what was asked for, or a few kilobytes.
// kInternal if not: the process cannot be trusted any more.
Result<void> check_answer_head(const DecoderAnswerHead& head, const DecoderRequest& request);

// The answer, after check_answer_head(); body.size() == head.body_bytes. kInternal as above.
Result<DecoderAnswer> open_answer(const DecoderAnswerHead& head, std::vector<std::uint8_t> body,
                                  const DecoderRequest& request);

}  // namespace warifu
