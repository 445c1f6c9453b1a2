#include <fmt/format.h>

#include "io/image_file.h"
#include "io/thumbnail.h"
#include "io/vips_runtime.h"

namespace warifu {
namespace {

Result<VipsPtr> wrap(const Image& image) {
  if (auto ok = start_vips(); !ok) return Fail(ok.error());
  const std::size_t size = image.rgb.size();
  if (image.width < 1 || image.height < 1 ||
      size != static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} bytes are not a picture of {} x {}", size, image.width, image.height));
  VipsPtr wrapped(vips_image_new_from_memory(image.rgb.data(), size, image.width, image.height, 3, VIPS_FORMAT_UCHAR));
  if (!wrapped) return forget_vips_errors(), fail(ErrorCode::kInternal, "no memory for the picture");
  VipsImage* labelled = nullptr;
  if (vips_copy(wrapped.get(), &labelled, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr) != 0)
    return forget_vips_errors(), fail(ErrorCode::kInternal, "no memory for the picture");
  return VipsPtr(labelled);
}

Result<std::vector<std::byte>> taken(int status, void* data, std::size_t size, const Image& image, const char* kind) {
  if (status != 0) {
    forget_vips_errors();
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a picture of {} x {} cannot be written as {}", image.width, image.height, kind));
  }
  const auto* begin = static_cast<const std::byte*>(data);
  std::vector<std::byte> bytes(begin, begin + size);
  g_free(data);
  return bytes;
}

Result<void> check_quality(int quality, const char* kind) {
  if (quality >= 1 && quality <= 100) return {};
  return fail(ErrorCode::kInvalidArgument, fmt::format("{} quality {} is not in 1 … 100", kind, quality));
}

}  // namespace

Result<std::vector<std::byte>> encode_jpeg(const Image& image, int quality) {
  if (auto ok = check_quality(quality, "JPEG"); !ok) return Fail(ok.error());
  auto wrapped = wrap(image);
  if (!wrapped) return Fail(wrapped.error());
  void* data = nullptr;
  std::size_t size = 0;
  const int status = vips_jpegsave_buffer(wrapped->get(), &data, &size, "Q", quality, "strip", TRUE, nullptr);
  return taken(status, data, size, image, "JPEG");
}

Result<std::vector<std::byte>> encode_png(const Image& image) {
  auto wrapped = wrap(image);
  if (!wrapped) return Fail(wrapped.error());
  void* data = nullptr;
  std::size_t size = 0;
  const int status = vips_pngsave_buffer(wrapped->get(), &data, &size, "strip", TRUE, nullptr);
  return taken(status, data, size, image, "PNG");
}

Result<std::vector<std::byte>> encode_webp(const Image& image, int quality) {
  if (auto ok = check_quality(quality, "WebP"); !ok) return Fail(ok.error());
  auto wrapped = wrap(image);
  if (!wrapped) return Fail(wrapped.error());
  void* data = nullptr;
  std::size_t size = 0;
  const int status = vips_webpsave_buffer(wrapped->get(), &data, &size, "Q", quality, "strip", TRUE, nullptr);
  return taken(status, data, size, image, "WebP");
}

}  // namespace warifu
