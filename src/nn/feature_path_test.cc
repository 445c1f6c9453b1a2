#include "nn/feature_path.h"

#include <gtest/gtest.h>

#include <cmath>

namespace warifu {
namespace {

TEST(PathGradient, OfASumOfSquaresTellsItsDifference) {
  // x^2 + y^2 from (1, 0) to (3, 4)
  const std::vector<float> from = {1, 0}, to = {3, 4};
  const auto slope = path_gradient(from, to, [](std::span<const float> row) {
    return std::vector<float>{2 * row[0], 2 * row[1]};
  });
  EXPECT_NEAR(slope[0], 4, 0.01);
  EXPECT_NEAR(slope[1], 4, 0.01);
  EXPECT_NEAR(change_along(slope, from, to), 9 + 16 - 1, 0.05);
}

TEST(PathGradient, SeesASlopeThatIsOverAtTheEnd) {
  // min(x, 1) from 0 to 2: flat at both 1.5 and 2, yet half of the way rises.
  const std::vector<float> from = {0}, to = {2};
  const auto slope =
      path_gradient(from, to, [](std::span<const float> row) { return std::vector<float>{row[0] < 1 ? 1.0F : 0.0F}; });
  EXPECT_NEAR(change_along(slope, from, to), 1, 0.05);
}

TEST(PathGradient, BearsASlopeWithoutEndAtTheStart) {
  // The root of x from 0 to 9.
  const std::vector<float> from = {0}, to = {9};
  const auto slope =
      path_gradient(from, to, [](std::span<const float> row) { return std::vector<float>{0.5F / std::sqrt(row[0])}; });
  EXPECT_NEAR(change_along(slope, from, to), 3, 0.01);
}

}  // namespace
}  // namespace warifu
