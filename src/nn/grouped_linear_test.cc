#include "nn/grouped_linear.h"

#include <gtest/gtest.h>

namespace warifu {
namespace {

TEST(GroupedLinear, MapsEachRunOfTheInputsByItself) {
  // Inputs (1, 2 | 3, 4); group 0 adds its two, group 1 takes the first minus the second; biases 10 and 20.
  GroupedLinear map(4, 2, 2);
  const torch::NoGradGuard no_grad;
  auto weights = map->named_parameters();
  weights["weight"].copy_(torch::tensor({1.0F, 1.0F, 1.0F, -1.0F}).view({2, 2, 1}));
  weights["bias"].copy_(torch::tensor({10.0F, 20.0F}));
  EXPECT_TRUE(map(torch::tensor({{1.0F, 2.0F, 3.0F, 4.0F}})).equal(torch::tensor({{13.0F, 19.0F}})));
}

TEST(GroupedLinear, IsAConvolutionOfWidthOneWithGroups) {
  GroupedLinear map(12, 6, 3);
  torch::nn::Conv1d convolution(torch::nn::Conv1dOptions(12, 6, 1).groups(3));
  const torch::NoGradGuard no_grad;
  auto weights = map->named_parameters();
  convolution->weight.copy_(weights["weight"].transpose(1, 2).reshape({6, 4, 1}));
  convolution->bias.copy_(weights["bias"]);
  const auto rows = torch::randn({5, 12});
  EXPECT_TRUE(torch::allclose(map(rows), convolution(rows.unsqueeze(2)).squeeze(2), 1e-5, 1e-6));
}

TEST(GroupedLinear, RefusesGroupsThatDoNotDivide) {
  EXPECT_THROW(GroupedLinear(6, 4, 4), c10::Error);
  EXPECT_THROW(GroupedLinear(4, 6, 0), c10::Error);
}

}  // namespace
}  // namespace warifu
