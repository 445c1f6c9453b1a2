#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.h"
#include "io/image_file.h"

namespace warifu {

enum class ThumbnailForm { kJpeg, kWebp };

// A small picture to look at: upright, sRGB, on white, without metadata, its long side at most `side` pixels
// (1 … 8192; smaller pictures keep their size), encoded with `quality` 1 … 100. Errors are those of decode_image().
//
// Thread safety: reentrant.
Result<std::vector<std::byte>> make_thumbnail(std::span<const std::byte> bytes, int side, const ImageLimits& limits,
                                              ThumbnailForm form, int quality);

// Encoded bytes; quality 1 … 100. Beside encode_jpeg() and encode_png() of image_file.h.
Result<std::vector<std::byte>> encode_webp(const Image& image, int quality);

}  // namespace warifu
