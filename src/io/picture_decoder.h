#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/image.h"
#include "io/image_file.h"
#include "io/thumbnail.h"

namespace warifu {

// Decodes pictures of strangers in processes that can do nothing else: no files but fonts, no network, no programs,
// bounded memory and time (docs/decisions/uploads.md says what holds them). A picture that crashes its decoder, or
// takes it over, harms only that process.
//
// Pictures come out exactly as from decode_image() in image_file.h, with the same errors. Beyond those:
//   kBadFormat        the decoder ended over the picture, or its answer broke the rules
//   kInvalidArgument  decoding took longer, or the pixels are more, than the options allow
//   kUnavailable      no decoder can be started at the moment
// In each of these cases the process is replaced. What two pictures have in common is a process and its memory, for at
// most `pictures_per_process` pictures.
//
// Thread safety: every function may be called from any thread; callers wait for a free process. None may be running
// when it is destroyed.
class PictureDecoder {
 public:
  struct Options {
    int processes = 2;                             // 1 … 64
    std::chrono::milliseconds time_limit{10'000};  // a picture, from its first byte to the last pixel; 1 ms … 1 h
    std::uint64_t memory_bytes = std::uint64_t{2} << 30;        // a process, beyond what it has when it starts
    std::uint64_t max_output_bytes = std::uint64_t{256} << 20;  // of pixels, or of a thumbnail
    int pictures_per_process = 1000;  // 1 or more; then it is replaced, so that leaks are bounded
    bool require_sandbox = true;    // false: decode in a separate process even where the kernel cannot filter its calls
    std::filesystem::path program;  // empty: warifu-decoder beside the running program
  };

  // Returns when the first process is ready (tens of milliseconds); the others follow. kInvalidArgument for options out
  // of range, kNotFound without the program, kIo if it cannot be started or the kernel cannot filter system calls.
  static Result<std::unique_ptr<PictureDecoder>> start(const Options& options);

  ~PictureDecoder();

  Result<Image> decode(std::span<const std::byte> bytes, const ImageLimits& limits,
                       const std::optional<PictureFormat>& format = std::nullopt);

  // As make_thumbnail() in thumbnail.h: the long side at most `side` pixels.
  Result<std::vector<std::byte>> thumbnail(std::span<const std::byte> bytes, int side, const ImageLimits& limits,
                                           ThumbnailForm form, int quality);

  // Asks a decoder to do what it must not, for a self-test: errno of each attempt, 0 where it succeeded.
  struct Attempt {
    std::string_view what;
    int error = 0;
  };
  Result<std::vector<Attempt>> try_forbidden();

  // Of the processes that run now.
  std::vector<pid_t> processes() const;

 private:
  class Pool;
  explicit PictureDecoder(std::unique_ptr<Pool> pool);

  std::unique_ptr<Pool> pool_;
};

}  // namespace warifu
