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

TEST(StrictLayers, HaveTheGradientThatSmallStepsShow) {
  Rng rng(6);
  const StrictLayers layers(std::vector<float>(9, 0.1F), std::vector<float>(9, 1.3F), 8,
                            {{random_matrix(9, 13, rng), std::vector<float>(13, 0.2F)},
                             {random_matrix(13, 4, rng), std::vector<float>(4, -0.1F)}});
  const std::vector<float> weights = {1, -2, 0.5F, 3};
  const FloatMatrix at = random_matrix(1, 9, rng);
  const auto gradient = layers.gradient(at.row(0), weights);
  const auto sum_at = [&](std::size_t k, float step) {
    FloatMatrix moved = at;
    moved.row(0)[k] += step;
    const auto outputs = layers.apply(moved);
    double sum = 0;
    for (std::size_t j = 0; j < weights.size(); ++j) sum += double{weights[j]} * double{outputs.row(0)[j]};
    return sum;
  };
  for (std::size_t k = 0; k < 9; ++k)
    EXPECT_NEAR(double{gradient[k]}, (sum_at(k, 1e-3F) - sum_at(k, -1e-3F)) / 2e-3, 1e-2) << "feature " << k;
}

TEST(StrictLayers, HaveNoGradientWhereAFeatureIsCut) {
  const StrictLayers layers({0, 0}, {1, 1}, 3, {{FloatMatrix(2, 1, {5, 7}), {0}}});
  const std::vector<float> cut = {4, 2}, weight = {1};
  EXPECT_EQ(layers.gradient(cut, weight), (std::vector<float>{0, 7}));
}

TEST(StrictLayers, TakeNoRowsAtAll) {
  const StrictLayers layers({0}, {1}, 8, {{FloatMatrix(1, 1, {1}), {0}}});
  EXPECT_EQ(layers.apply(FloatMatrix()).rows(), 0U);
}

}  // namespace
}  // namespace warifu
