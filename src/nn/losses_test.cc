#include "nn/losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nn/gradient_check.h"
#include "nn/hash_head.h"

namespace warifu {
namespace {

TEST(SoftenedTargets, ShareBetweenTheOwnItemAndTheTeachersBelief) {
  const auto same = torch::tensor({{true, false, false}});
  const auto similarity = torch::tensor({{std::log(2.0F), 0.0F, 0.0F}});
  const auto targets = softened_targets(same, similarity, 0.4, 1.0);
  EXPECT_TRUE(torch::allclose(targets, torch::tensor({{0.6F + 0.4F * 0.5F, 0.1F, 0.1F}})));
  EXPECT_TRUE(torch::equal(softened_targets(same, similarity, 0, 1.0), torch::tensor({{1.0F, 0.0F, 0.0F}})));
}

TEST(SoftenedTargets, GiveNothingToColumnsLeftOutAndSumToOne) {
  const auto same = torch::tensor({{true, true, false, false}});
  const auto out = torch::tensor({{false, false, true, false}});
  const auto targets = softened_targets(same, torch::zeros({1, 4}), 0.3, 0.5, out);
  EXPECT_EQ(targets[0][2].item<float>(), 0);
  EXPECT_NEAR(targets.sum().item<double>(), 1, 1e-6);
  EXPECT_NEAR(targets[0][0].item<double>(), 0.35 + 0.1, 1e-6);
}

TEST(QuantizationLoss, IsZeroOnlyForSigns) {
  EXPECT_EQ(quantization_loss(torch::tensor({{1.0F, -1.0F}})).item<float>(), 0);
  EXPECT_FLOAT_EQ(quantization_loss(torch::tensor({{0.0F, -0.5F}})).item<float>(), (1.0F + 0.25F) / 2);
}

TEST(UniformityLoss, IsLowerTheMoreRowsSpread) {
  const auto together = torch::tensor({{1.0F, 0.0F}, {1.0F, 0.0F}});
  const auto apart = torch::tensor({{1.0F, 0.0F}, {-1.0F, 0.0F}});
  EXPECT_NEAR(uniformity_loss(together).item<double>(), 0, 1e-6);
  EXPECT_NEAR(uniformity_loss(apart).item<double>(), -8, 1e-5);  // exp(-2 * 2^2)
  EXPECT_EQ(uniformity_loss(apart.narrow(0, 0, 1)).item<double>(), 0);
}

TEST(UnitRows, KeepZerosAndTheirGradientFinite) {
  const auto rows = torch::tensor({{3.0F, 4.0F}, {0.0F, 0.0F}}).set_requires_grad(true);
  const auto units = unit_rows(rows);
  EXPECT_TRUE(torch::allclose(units, torch::tensor({{0.6F, 0.8F}, {0.0F, 0.0F}})));
  units.sum().backward();
  EXPECT_TRUE(rows.grad().isfinite().all().item<bool>());
}

TEST(GradientGap, IsSmallForARightGradientAndSeesAStoppedOne) {
  const auto at = torch::tensor({3.0, -0.5}, torch::kFloat64);
  EXPECT_LT(gradient_gap([](const auto& x) { return (x * x).sum(); }, at), 1e-8);
  // 3 given where the slope is 6, the steepest
  EXPECT_NEAR(gradient_gap([](const auto& x) { return (x * x.detach()).sum(); }, at), 0.5, 1e-8);
}

TEST(HashHead, GivesTheColumnsOfEachLength) {
  const std::vector<std::uint32_t> bits = {2, 3};
  HashHead head(4, bits);
  const auto parts = split_by_bits(head->forward(torch::ones({6, 4})), bits);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].sizes(), (std::vector<std::int64_t>{6, 2}));
  EXPECT_EQ(parts[1].sizes(), (std::vector<std::int64_t>{6, 3}));
  EXPECT_THROW(split_by_bits(torch::ones({6, 6}), bits), c10::Error);
}

}  // namespace
}  // namespace warifu
