#include "nn/residual_mlp.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "nn/gradient_check.h"

namespace warifu {
namespace {

std::int64_t parameter_count(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

torch::Tensor generator_state() { return at::detail::getDefaultCPUGenerator().get_state(); }

TEST(ResidualMlp, AddsWhatEachBlockMakesOfTheNormedRow) {
  // LN of (1, 3) is (-1, 1) but for eps; W1 = I, b1 = 0: GELU (-0.158655, 0.841345); W2 = 2 I, b2 = 1:
  // (0.682690, 2.682690) added to the row
  ResidualMlp mlp(2, 2, 1, 0.5);
  mlp->eval();
  const torch::NoGradGuard no_grad;
  auto weights = mlp->named_parameters();
  weights["blocks.0.expand.weight"].copy_(torch::eye(2));
  weights["blocks.0.expand.bias"].zero_();
  weights["blocks.0.contract.weight"].copy_(2 * torch::eye(2));
  weights["blocks.0.contract.bias"].fill_(1);
  const auto out = mlp->forward(torch::tensor({{1.0F, 3.0F}}));
  EXPECT_TRUE(torch::allclose(out, torch::tensor({{1.682690F, 5.682690F}}), 0, 1e-4)) << out;
}

TEST(ResidualMlp, HasTheParametersOfThePaper) {
  EXPECT_EQ(parameter_count(*ResidualMlp(512, 2048, 2, 0.5)), 4'201'472);
}

TEST(ResidualMlp, IsTheIdentityWithoutBlocksOrWithoutOutgoingWeights) {
  const auto rows = torch::randn({3, 4});
  EXPECT_TRUE(torch::equal(ResidualMlp(4, 8, 0, 0.5)->forward(rows), rows));
  ResidualMlp mlp(4, 8, 2, 0.5);
  const torch::NoGradGuard no_grad;
  for (auto& weight : mlp->named_parameters())
    if (weight.key().find("contract") != std::string::npos) weight.value().zero_();
  EXPECT_TRUE(torch::equal(mlp->forward(rows), rows));
}

TEST(ResidualMlp, DrawsFromTheGeneratorInTrainModeOnly) {
  torch::manual_seed(1);
  ResidualMlp mlp(4, 8, 2, 0.5);
  const auto rows = torch::randn({3, 4});
  const auto before = generator_state();

  mlp->eval();
  const auto once = mlp->forward(rows);
  EXPECT_TRUE(torch::equal(generator_state(), before));
  EXPECT_TRUE(torch::equal(mlp->forward(rows), once));

  mlp->train();
  EXPECT_FALSE(torch::equal(mlp->forward(rows), once));
  EXPECT_FALSE(torch::equal(generator_state(), before));

  ResidualMlp without(4, 8, 1, 0);
  const auto drawn = generator_state();
  without->forward(rows);
  EXPECT_TRUE(torch::equal(generator_state(), drawn));
}

TEST(ResidualMlp, TreatsEveryRowByItself) {
  torch::manual_seed(1);
  ResidualMlp mlp(6, 12, 2, 0.5);
  mlp->eval();
  const auto rows = torch::randn({5, 6});
  const auto together = mlp->forward(rows);
  EXPECT_TRUE(torch::allclose(mlp->forward(rows.narrow(0, 3, 1)), together.narrow(0, 3, 1), 1e-5, 1e-6));
}

TEST(ResidualMlp, HasTheGradientOfFiniteDifferences) {
  torch::manual_seed(1);
  ResidualMlp mlp(4, 6, 2, 0.5);
  mlp->to(torch::kFloat64);
  mlp->eval();
  EXPECT_LT(gradient_gap([&](const auto& rows) { return mlp->forward(rows).pow(2).sum(); }, torch::randn({2, 4})),
            1e-6);
}

TEST(ResidualMlp, RefusesSizesOutOfRange) {
  EXPECT_THROW(ResidualMlp(4, 8, -1, 0.5), c10::Error);
  EXPECT_THROW(ResidualMlp(4, 8, 1, 1.0), c10::Error);
}

}  // namespace
}  // namespace warifu
