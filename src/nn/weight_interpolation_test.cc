#include "nn/weight_interpolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::HasSubstr;

// --- WiSE-FT ---

TEST(InterpolateWeights, MixesEveryFloatTensorAndCopiesCounters) {
  const NamedTensors start = {{"w", torch::tensor({1.0F, 2.0F})}, {"seen", torch::tensor({3}, torch::kInt64)}};
  const NamedTensors tuned = {{"w", torch::tensor({2.0F, 6.0F})}, {"seen", torch::tensor({8}, torch::kInt64)}};
  // 0.75 * (1, 2) + 0.25 * (2, 6)
  const auto mixed = interpolate_weights(start, tuned, 0.25);
  EXPECT_TRUE(torch::allclose(mixed.at("w"), torch::tensor({1.25F, 3.0F})));
  EXPECT_TRUE(torch::equal(mixed.at("seen"), torch::tensor({8}, torch::kInt64)));
}

TEST(InterpolateWeights, GivesEitherEndBitForBit) {
  torch::manual_seed(1);
  for (const auto type : {torch::kFloat32, torch::kFloat64, torch::kFloat16}) {
    const NamedTensors start = {{"w", torch::randn({100}).to(type)}};
    const NamedTensors tuned = {{"w", torch::randn({100}).mul(1e3).to(type)}};
    EXPECT_TRUE(torch::equal(interpolate_weights(start, tuned, 0).at("w"), start.at("w")));
    EXPECT_TRUE(torch::equal(interpolate_weights(start, tuned, 1).at("w"), tuned.at("w")));
    EXPECT_EQ(interpolate_weights(start, tuned, 0.5).at("w").scalar_type(), type);
  }
}

TEST(InterpolateWeights, LeavesItsInputsAlone) {
  const auto weight = torch::ones({2}).set_requires_grad(true);
  const NamedTensors start = {{"n", torch::zeros({1}, torch::kInt64)}, {"w", weight}};
  auto mixed = interpolate_weights(start, start, 1);
  EXPECT_FALSE(mixed.at("w").requires_grad());
  for (auto& [name, tensor] : mixed) tensor.fill_(5);
  EXPECT_EQ(start.at("n").item<std::int64_t>(), 0);
  EXPECT_TRUE(torch::equal(weight.detach(), torch::ones({2})));
}

TEST(InterpolateWeights, OfALinearModelInterpolatesItsAnswers) {
  torch::manual_seed(1);
  torch::nn::Linear start(3, 2);
  torch::nn::Linear tuned(3, 2);
  torch::nn::Linear mixed(3, 2);
  const auto weights = interpolate_weights(named_tensors(*start), named_tensors(*tuned), 0.3);
  const torch::NoGradGuard no_grad;
  mixed->weight.copy_(weights.at("weight"));
  mixed->bias.copy_(weights.at("bias"));
  const auto rows = torch::randn({4, 3});
  EXPECT_TRUE(
      torch::allclose(mixed->forward(rows), 0.7 * start->forward(rows) + 0.3 * tuned->forward(rows), 1e-4, 1e-6));
}

TEST(InterpolateWeights, RefusesWeightsOfAnotherModelByName) {
  const NamedTensors start = {{"a.weight", torch::ones({2})}};
  for (const auto& tuned : {NamedTensors{{"b.weight", torch::ones({2})}}, NamedTensors{{"a.weight", torch::ones({3})}},
                            NamedTensors{{"a.weight", torch::ones({2}, torch::kFloat64)}}}) {
    try {
      interpolate_weights(start, tuned, 0.5);
      FAIL() << "weights of another model were taken";
    } catch (const c10::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("a.weight"));
    }
  }
  EXPECT_THROW(interpolate_weights(start, {}, 0.5), c10::Error);
  EXPECT_THROW(interpolate_weights(start, start, 1.1), c10::Error);
}

// --- L2-SP ---

TEST(DecayTowardStart, MovesEachWeightByItsDistance) {
  // 0.1 * 0.5 of the way: 3 - 0.05 * (3 - 1) = 2.9
  const auto weights = torch::tensor({3.0F, 1.0F}).set_requires_grad(true);
  decay_toward_start({weights}, {torch::ones({2})}, 0.1, 0.5);
  EXPECT_TRUE(torch::allclose(weights.detach(), torch::tensor({2.9F, 1.0F})));
  EXPECT_TRUE(weights.requires_grad());
}

TEST(DecayTowardStart, IsTheGradientStepOfTheSquaredDistance) {
  torch::manual_seed(1);
  const auto start = torch::randn({5});
  const auto weights = torch::randn({5}).set_requires_grad(true);
  (0.02 / 2 * (weights - start).pow(2).sum()).backward();
  const auto stepped = (weights - 0.3 * weights.grad()).detach();
  decay_toward_start({weights}, {start}, 0.3, 0.02);
  EXPECT_TRUE(torch::allclose(weights.detach(), stepped, 1e-5, 1e-7));
}

TEST(DecayTowardStart, DoesNothingAtZeroAndReturnsToTheStartAtOne) {
  const auto start = torch::tensor({0.1F, -7.0F});
  const auto weights = torch::tensor({0.3F, 5.0F});
  const auto before = weights.clone();
  decay_toward_start({weights}, {start}, 0.1, 0);
  EXPECT_TRUE(torch::equal(weights, before));
  decay_toward_start({weights}, {start}, 0.1, 10);
  EXPECT_TRUE(torch::equal(weights, start));
}

TEST(DecayTowardStart, RefusesStartsThatDoNotFitBeforeItChangesAny) {
  const auto weights = torch::ones({2});
  EXPECT_THROW(decay_toward_start({weights, torch::ones({3})}, {torch::zeros({2}), torch::zeros({2})}, 0.1, 1),
               c10::Error);
  EXPECT_THROW(decay_toward_start({weights}, {}, 0.1, 1), c10::Error);
  EXPECT_THROW(decay_toward_start({weights}, {torch::zeros({2})}, 2, 1), c10::Error);
  EXPECT_TRUE(torch::equal(weights, torch::ones({2})));
}

}  // namespace
}  // namespace warifu
