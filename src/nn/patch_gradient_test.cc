#include "nn/patch_gradient.h"

#include <gtest/gtest.h>

namespace warifu {
namespace {

// 4 x 4 pixels of edge colour black, but for these red ones within.
Image with_red(std::uint8_t top_left, std::uint8_t bottom_right) {
  Image picture{4, 4, std::vector<std::uint8_t>(4 * 4 * 3)};
  picture.rgb[(1 * 4 + 1) * 3] = top_left;
  picture.rgb[(2 * 4 + 2) * 3] = bottom_right;
  return picture;
}

TEST(PatchGradients, AreTheSharesOfEachPatchInASum) {
  // The row is the sum of red and its square: 3 * red - 0.01 * red^2 is explained. A patch without red has no share.
  const auto patches = patch_gradients(
      with_red(100, 200), 2,
      [](const torch::Tensor& pixels) {
        const auto red = pixels.select(1, 0);
        return torch::stack({red.sum(), red.square().sum()});
      },
      [](std::span<const float>) {
        return std::vector<float>{3, -0.01F};
      });
  ASSERT_EQ(patches.rows, 2U);
  ASSERT_EQ(patches.columns, 2U);
  EXPECT_NEAR(patches.weights[0], 300 - 100, 1e-3);
  EXPECT_NEAR(patches.weights[1], 0, 1e-3);
  EXPECT_NEAR(patches.weights[2], 0, 1e-3);
  EXPECT_NEAR(patches.weights[3], 600 - 400, 1e-3);
}

TEST(PatchGradients, AskTheGradientWhereThePathIs) {
  // The row is all red there is; what is explained is its square, whose slope is known at each place alone.
  const auto patches = patch_gradients(
      with_red(100, 100), 2, [](const torch::Tensor& pixels) { return pixels.select(1, 0).sum().unsqueeze(0); },
      [](std::span<const float> row) { return std::vector<float>{2 * row[0]}; });
  EXPECT_NEAR(patches.weights[0], 200.0 * 200 / 2, 1);
  EXPECT_NEAR(patches.weights[3], 200.0 * 200 / 2, 1);
}

TEST(PatchGradients, OfAPictureOfOneColourAreNothing) {
  const auto patches = patch_gradients(
      Image{4, 4, std::vector<std::uint8_t>(48, 90)}, 2,
      [](const torch::Tensor& pixels) { return pixels.flatten().square(); },
      [](std::span<const float> row) { return std::vector<float>(row.size(), 1); });
  for (const float weight : patches.weights) EXPECT_EQ(weight, 0);
}

}  // namespace
}  // namespace warifu
