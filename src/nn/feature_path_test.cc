#include "nn/feature_path.h"

#include <gtest/gtest.h>

namespace warifu {
namespace {

TEST(PathGradient, OfASumOfSquaresTellsItsDifferenceExactly) {
  // x^2 + y^2 from (1, 0) to (3, 4): the slope is linear on the way, which midpoints take without an error.
  const std::vector<float> from = {1, 0}, to = {3, 4};
  const auto slope = path_gradient(from, to, [](std::span<const float> row) {
    return std::vector<float>{2 * row[0], 2 * row[1]};
  });
  EXPECT_FLOAT_EQ(slope[0], 4);
  EXPECT_FLOAT_EQ(slope[1], 4);
  EXPECT_FLOAT_EQ(change_along(slope, from, to), 9 + 16 - 1);
}

TEST(PathGradient, SeesASlopeThatIsOverAtTheEnd) {
  // min(x, 1) from 0 to 2: flat at both 1.5 and 2, yet half of the way rises.
  const std::vector<float> from = {0}, to = {2};
  const auto slope =
      path_gradient(from, to, [](std::span<const float> row) { return std::vector<float>{row[0] < 1 ? 1.0F : 0.0F}; });
  EXPECT_FLOAT_EQ(change_along(slope, from, to), 1);
}

}  // namespace
}  // namespace warifu
