#include "io/thumbnail.h"

namespace warifu {

Result<std::vector<std::byte>> make_thumbnail(std::span<const std::byte> bytes, int side, const ImageLimits& limits,
                                              ThumbnailForm form, int quality) {
  const auto image = decode_image(bytes, limits, PictureFormat{side, ImageFit::kShrinkOnly, Resampling::kBicubic});
  if (!image) return Fail(image.error());
  return form == ThumbnailForm::kJpeg ? encode_jpeg(*image, quality) : encode_webp(*image, quality);
}

}  // namespace warifu
