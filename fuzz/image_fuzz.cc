// Pictures: whatever the bytes, decoding ends with an error of one line or a picture that is what
// it says, within the limits.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "io/image_file.h"

// libxml2 2.9 loses a few bytes for each entity that a drawing declares; fontconfig keeps its fonts.
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:xmlParseEntityValue\nleak:libfontconfig\n"; }

namespace {

void check(const warifu::Result<warifu::Image>& image, double max_megapixels) {
  if (!image) {
    const std::string& message = image.error().message;
    if (message.empty() || message.find('\n') != std::string::npos) std::abort();
    return;
  }
  const auto pixels = std::size_t(image->width) * std::size_t(image->height);
  if (image->rgb.size() != pixels * 3 || double(pixels) > max_megapixels * 1e6) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const warifu::ImageLimits limits{std::size_t{1} << 20, 4.2};  // a drawing of 2048 x 2048 passes
  const auto bytes = std::as_bytes(std::span(data, size));
  check(warifu::decode_image(bytes, limits), limits.max_megapixels);
  check(warifu::decode_image(bytes, limits, warifu::PictureFormat{32, warifu::ImageFit::kLetterbox, {}}),
        1e-6 * 32 * 32);
  return 0;
}
