#pragma once

#include <cstdint>

#include "base/image.h"

namespace warifu {

// Pixels that belong to somebody else: RGBRGB…, rows from the top, width * height * 3 bytes.
struct PixelView {
  const std::uint8_t* rgb = nullptr;
  int width = 0;
  int height = 0;
};

// Resamples to width x height (both > 0) with the kernel widened when reducing, so that every
// source pixel counts (antialiasing). Bit for bit what Pillow's Image.resize(BILINEAR or BICUBIC)
// gives, because the reference implementations of CLIP and its followers prepare pictures with it: same
// kernels (bicubic a = -0.5), pixel centres at half integers, 22-bit fixed-point weights, rounding
// to 8 bits after the horizontal and after the vertical pass. A pass that would not change the
// size is left out.
//
// Source of the method: Pillow's documented "convolution based" resampling, since version 2.7.
Image resample(const PixelView& pixels, int width, int height, Resampling resampling);

// The whole recipe of image_file.h's fit_image() on checked input.
Image fit_pixels(const PixelView& pixels, const PictureFormat& format);

// Size that `fit` resamples a width x height picture to, before letterboxing or cropping.
struct FittedSize {
  int width = 0;
  int height = 0;
};
FittedSize fitted_size(int width, int height, const PictureFormat& format);

}  // namespace warifu
