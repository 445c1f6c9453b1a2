// warifu-decoder MEMORY_BYTES sandbox|sandbox-if-possible
//
// Decodes pictures that arrive on descriptor 3 and answers there, one after the other, until the other end closes.
// Started by PictureDecoder (io/picture_decoder.h); a program of its own so that it starts with clean memory and
// without libtorch, and can shut itself in before it sees the first picture (docs/decisions/uploads.md).
#include <fcntl.h>
#include <fontconfig/fontconfig.h>
#include <iconv.h>
#include <malloc.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "io/decoder_protocol.h"
#include "io/decoder_sandbox.h"
#include "io/image_file.h"
#include "io/process_limits.h"
#include "io/thumbnail.h"
#include "io/vips_runtime.h"

namespace warifu {
namespace {

using Bytes = std::span<const std::byte>;

bool read_all(void* data, std::size_t size) {
  for (auto* at = static_cast<std::byte*>(data); size > 0;) {
    const auto got = ::read(kDecoderSocket, at, size);
    if (got == 0 || (got < 0 && errno != EINTR)) return false;
    if (got > 0) at += got, size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(const void* data, std::size_t size) {
  for (const auto* at = static_cast<const std::byte*>(data); size > 0;) {
    const auto put = ::write(kDecoderSocket, at, size);
    if (put < 0 && errno != EINTR) return false;
    if (put > 0) at += put, size -= static_cast<std::size_t>(put);
  }
  return true;
}

bool answer(DecoderAnswerHead head, const void* body, std::size_t size) {
  head.body_bytes = size;
  return write_all(&head, sizeof head) && write_all(body, size);
}

bool answer(const Error& error) {
  DecoderAnswerHead head;
  head.code = static_cast<std::uint32_t>(error.code);
  head.message_bytes = static_cast<std::uint32_t>(error.message.size());
  const std::string body = error.message + error.hint;
  return answer(head, body.data(), body.size());
}

bool is_too_large(std::size_t size, const DecoderRequest& request) { return size > request.max_answer_bytes; }

Error too_large(std::size_t size, const DecoderRequest& request) {
  return {ErrorCode::kInvalidArgument,
          "the picture has " + std::to_string(size) + " bytes when decoded, the limit is " +
              std::to_string(request.max_answer_bytes),
          "make the picture smaller or raise the limit"};
}

bool decode(const DecoderRequest& request, Bytes payload, const ImageLimits& limits) {
  std::optional<PictureFormat> format;
  if (request.fitted != 0)
    format =
        PictureFormat{request.size, static_cast<ImageFit>(request.fit), static_cast<Resampling>(request.resampling)};
  const auto image = decode_image(payload, limits, format);
  if (!image) return answer(image.error());
  if (is_too_large(image->rgb.size(), request)) return answer(too_large(image->rgb.size(), request));
  DecoderAnswerHead head;
  head.outcome = DecoderOutcome::kPicture;
  head.width = image->width;
  head.height = image->height;
  return answer(head, image->rgb.data(), image->rgb.size());
}

bool thumbnail(const DecoderRequest& request, Bytes payload, const ImageLimits& limits) {
  const auto file =
      make_thumbnail(payload, request.size, limits, static_cast<ThumbnailForm>(request.form), request.quality);
  if (!file) return answer(file.error());
  if (is_too_large(file->size(), request)) return answer(too_large(file->size(), request));
  DecoderAnswerHead head;
  head.outcome = DecoderOutcome::kFile;
  return answer(head, file->data(), file->size());
}

bool answer_attempts() {
  const auto errors = try_forbidden();
  DecoderAnswerHead head;
  head.outcome = DecoderOutcome::kAttempts;
  return answer(head, errors.data(), sizeof errors);
}

// False when there is nobody left to answer.
bool serve(const DecoderRequest& request) {
  if (request.magic != kDecoderMagic || request.payload_bytes > request.max_bytes) return false;
  try {
    std::vector<std::byte> payload(request.payload_bytes);
    if (!read_all(payload.data(), payload.size())) return false;
    const ImageLimits limits{request.max_bytes, request.max_megapixels};
    switch (request.task) {
      case DecoderTask::kDecode:
        return decode(request, payload, limits);
      case DecoderTask::kThumbnail:
        return thumbnail(request, payload, limits);
      case DecoderTask::kTryForbidden:
        return answer_attempts();
    }
  } catch (const std::bad_alloc&) {
    return answer({ErrorCode::kInvalidArgument, "decoding it needs more memory than it may have",
                   "make the picture smaller or raise the limit"});
  }
  return false;
}

// What is loaded on first use is loaded now, while files can be opened: libvips and its modules, the list of fonts,
// tables of encodings. It must start no thread that stays: close_the_doors() says why.
bool load_everything() {
  if (!start_vips() || FcInit() == FcFalse) return false;
  // Left open on purpose: closed, their modules would be unloaded.
  for (const char* encoding : {"SHIFT_JIS", "EUC-JP", "ISO-2022-JP", "WINDOWS-1252", "ISO-8859-15", "GB18030", "BIG5"})
    static_cast<void>(::iconv_open("UTF-8", encoding));
  return true;
}

// Opens the files of the usual fonts, for kernels under which no font can be opened later.
void open_usual_fonts() {
  constexpr std::string_view kDrawing =
      "<svg xmlns='http://www.w3.org/2000/svg' width='16' height='16'><text y='9'>Aa</text>"
      "<text y='9' font-family='serif'>Aa</text><text y='9' font-family='monospace'>Aa</text></svg>";
  static_cast<void>(decode_image(std::as_bytes(std::span(kDrawing)), ImageLimits{}));
}

int run(const char* memory, std::string_view sandbox) {
  ::mallopt(M_ARENA_MAX, 1);  // one picture at a time
  forget_the_parent();
  if (!load_everything()) return 1;
  const std::uint64_t loaded = address_space();  // which the system's own file tells, so before the next line
  const bool fonts = allow_only_fonts();
  if (!fonts) open_usual_fonts();
  const DecoderHello hello = close_the_doors(loaded + std::strtoull(memory, nullptr, 10), fonts);
  if (!write_all(&hello, sizeof hello)) return 1;
  if (hello.sandboxed == 0 && sandbox != "sandbox-if-possible") return 1;
  for (DecoderRequest request; read_all(&request, sizeof request);)
    if (!serve(request)) return 1;
  return 0;
}

}  // namespace
}  // namespace warifu

int main(int argc, char** argv) {
  if (argc != 3 || ::fcntl(warifu::kDecoderSocket, F_GETFD) < 0)
    return std::fprintf(stderr, "warifu-decoder is started by warifu, with a socket as descriptor 3\n"), 2;
  ::_exit(warifu::run(argv[1], argv[2]));  // not exit(): nothing is worth tidying up, and much of it is not allowed
}
