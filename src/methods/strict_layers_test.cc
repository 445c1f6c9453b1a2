#include "methods/strict_layers.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"

namespace warifu {
namespace {

FloatMatrix random_matrix(std::size_t rows, std::size_t cols, Rng& rng) {
  FloatMatrix matrix(rows, cols);
  for (float& value : matrix.values()) value = static_cast<float>(2 * rng.uniform() - 1);
  return matrix;
}

TEST(StrictLayers, ComputesAHandWorkedExample) {
  // x = (3, 1), mean (1, 1), scale (2, 1) -> (4, 0), cut to (3, 0); first layer (3 + 1, -3) -> (4, -3)
  // -> (4, 0) -> 0.5 * 4 + 10 = 12
  const StrictLayers layers({1, 1}, {2, 1}, 3,
                            {{FloatMatrix(2, 2, {1, -1, 5, 5}), {1, 0}}, {FloatMatrix(2, 1, {0.5F, 100}), {10}}});
  const FloatMatrix result = layers.apply(FloatMatrix(1, 2, {3, 1}));
  ASSERT_EQ(result.rows(), 1U);
  ASSERT_EQ(result.cols(), 1U);
  EXPECT_FLOAT_EQ(result.row(0)[0], 12);
}

TEST(StrictLayers, GiveARowTheSameBitsAloneAndAmongOthers) {
  Rng rng(5);
  const StrictLayers layers(std::vector<float>(37, 0.1F), std::vector<float>(37, 1.3F), 8,
                            {{random_matrix(37, 53, rng), std::vector<float>(53, 0.2F)},
                             {random_matrix(53, 21, rng), std::vector<float>(21, -0.1F)}});
  const FloatMatrix features = random_matrix(67, 37, rng);
  const FloatMatrix together = layers.apply(features);
  for (std::size_t i = 0; i < features.rows(); ++i) {
    const auto row = features.row(i);
    const FloatMatrix alone = layers.apply(FloatMatrix(1, 37, {row.begin(), row.end()}));
    ASSERT_TRUE(std::ranges::equal(alone.row(0), together.row(i))) << "row " << i;
  }
}

TEST(StrictLayers, TakeNoRowsAtAll) {
  const StrictLayers layers({0}, {1}, 8, {{FloatMatrix(1, 1, {1}), {0}}});
  EXPECT_EQ(layers.apply(FloatMatrix()).rows(), 0U);
}

}  // namespace
}  // namespace warifu
