#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/image.h"

namespace warifu {

// What a picture may cost before it is refused. Checked from the header, before pixels are decoded.
struct ImageLimits {
  std::size_t max_bytes = std::size_t{256} << 20;
  double max_megapixels = 60.0;
};

// Decodes a picture with libvips (JPEG, PNG, WebP, TIFF, GIF, SVG, HEIF as the installed libvips
// knows them): upright by EXIF, 8-bit sRGB (CMYK, grey and 16-bit are converted), transparent
// parts on white. With a `format` it is brought to that size, using shrink-on-load where the file
// allows. A truncated or corrupt or empty file is kBadFormat, one over the limits kInvalidArgument, a
// missing one kNotFound; messages name the place.
//
// Thread safety: reentrant. libvips is started on first use.
Result<Image> decode_image(const std::filesystem::path& path, const ImageLimits& limits,
                           const std::optional<PictureFormat>& format = std::nullopt);
Result<Image> decode_image(std::span<const std::byte> bytes, const ImageLimits& limits,
                           const std::optional<PictureFormat>& format = std::nullopt);

// A picture already decoded, brought to `format`. A picture that already has the wanted size
// comes back as it is.
Result<Image> fit_image(const Image& image, const PictureFormat& format);

// Encoded bytes; quality 1 … 100.
Result<std::vector<std::byte>> encode_jpeg(const Image& image, int quality);
Result<std::vector<std::byte>> encode_png(const Image& image);

}  // namespace warifu
