#include "nn/patch_gradient.h"

#include <c10/core/InferenceMode.h>

#include <array>

#include "io/patches.h"
#include "nn/single_threaded_tensors.h"
#include "nn/small_image_tower.h"

namespace warifu {
namespace {

torch::Tensor blank_pixels(const Image& picture) {
  const auto colour = edge_colour(picture);
  const auto channel = [&](std::size_t c) { return static_cast<float>(colour[c]); };
  return torch::tensor({channel(0), channel(1), channel(2)}).view({1, 3, 1, 1});
}

// Of the pixels at `share` of the path, [1, 3, side, side].
torch::Tensor pixel_gradient(const torch::Tensor& blank, const torch::Tensor& picture, double share,
                             const PixelsToRow& row_of, const FeatureGradient& gradient) {
  const c10::InferenceMode none(false);
  const torch::AutoGradMode with_gradients(true);
  const auto pixels = (blank + share * (picture - blank)).requires_grad_(true);
  const auto row = row_of(pixels);
  const auto values = row.detach().contiguous();
  const auto count = static_cast<std::size_t>(values.numel());
  const auto slope = gradient({values.data_ptr<float>(), count});
  const auto weights = torch::tensor(at::ArrayRef<float>(slope.data(), slope.size()));
  return torch::autograd::grad({row}, {pixels}, {weights}).front().detach();
}

}  // namespace

PatchWeights patch_gradients(const Image& picture, std::int64_t grid, const PixelsToRow& row_of,
                             const FeatureGradient& gradient) {
  const auto pixels = pictures_to_tensor({&picture, 1}).to(torch::kFloat32);
  const auto blank = blank_pixels(picture);
  std::array<torch::Tensor, kPictureSteps> steps;
  for_each_alone(kPictureSteps, [&](std::size_t step) {
    const double share = (static_cast<double>(step) + 0.5) / kPictureSteps;
    steps[step] = pixel_gradient(blank, pixels, share, row_of, gradient);
  });
  const torch::NoGradGuard no_grad;
  auto mean = torch::zeros_like(pixels);
  for (const auto& step : steps) mean += step / kPictureSteps;
  const auto added = (mean * (pixels - blank)).sum(1, /*keepdim=*/true);  // [1, 1, side, side]
  const auto area = static_cast<double>(added.numel()) / static_cast<double>(grid * grid);
  const auto cells = (torch::adaptive_avg_pool2d(added, {grid, grid}) * area).contiguous();
  const auto side = static_cast<std::size_t>(grid);
  return {side, side, {cells.data_ptr<float>(), cells.data_ptr<float>() + cells.numel()}};
}

}  // namespace warifu
