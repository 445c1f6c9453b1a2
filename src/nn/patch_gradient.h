#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>

#include "base/image.h"
#include "encode/attribution.h"

namespace warifu {

// Pixels, float [1, 3, side, side] in 0 … 255, to a row of features [width], all of it differentiable.
using PixelsToRow = std::function<torch::Tensor(const torch::Tensor& pixels)>;

// How many places of the path from an empty picture the gradient is taken at: each is a run of the tower, forwards and
// backwards.
inline constexpr int kPictureSteps = 8;

// What the cells of a `grid` x `grid` raster add to the number that `gradient` is of: the gradient of its pixels, taken
// kPictureSteps times between the picture with nothing to be seen (its edge colour everywhere) and the picture, summed
// over each cell. Source: as path_gradient.
//
// Thread safety: `row_of` and `gradient` are called from several threads at once, without gradients being kept
// elsewhere and single-threaded inside.
PatchWeights patch_gradients(const Image& picture, std::int64_t grid, const PixelsToRow& row_of,
                             const FeatureGradient& gradient);

}  // namespace warifu
