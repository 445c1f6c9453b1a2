#pragma once

#include <cstddef>
#include <span>

#include "base/image.h"

namespace warifu {

// A picture described without any learnt weights, for a machine that has none and as the honest
// baseline of those that have. Three parts side by side, each of Euclidean length 1 (or all zero):
//   gradients  8 x 8 cells x 9 unsigned orientations, contrast-normalised over neighbouring cells
//   colours    of the whole and its four quarters: 12 hues x 3 brightnesses + 5 greys
//   layout     8 x 8 mean colours as luma and two chroma differences
// A pure function of the pixels: same picture, same numbers.
//
// Source of the gradients: N. Dalal and B. Triggs, "Histograms of Oriented Gradients for Human
// Detection", CVPR 2005.
inline constexpr int kClassicSide = 128;
inline constexpr std::size_t kClassicGradients = 8 * 8 * 9;
inline constexpr std::size_t kClassicColours = 5 * (12 * 3 + 5);
inline constexpr std::size_t kClassicLayout = 8 * 8 * 3;
inline constexpr std::size_t kClassicWidth = kClassicGradients + kClassicColours + kClassicLayout;  // 973

constexpr PictureFormat classic_picture_format() { return {kClassicSide, ImageFit::kLetterbox, Resampling::kBilinear}; }

// picture: kClassicSide x kClassicSide; out: [kClassicWidth] (both asserted).
void describe_classic(const Image& picture, std::span<float> out);

}  // namespace warifu
