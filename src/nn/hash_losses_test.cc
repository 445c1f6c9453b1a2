#include "nn/hash_losses.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/gradient_check.h"
#include "nn/losses.h"

namespace warifu {
namespace {

torch::Tensor drawn(std::int64_t rows, std::int64_t columns, std::uint64_t seed = 3) {
  torch::manual_seed(seed);
  return torch::rand({rows, columns}, torch::kFloat64) * 2 - 1;
}

// --- likelihood ---

TEST(PairwiseLikelihoodLoss, IsLogTwoForCodesThatSayNothing) {
  EXPECT_NEAR(number(pairwise_likelihood_loss(torch::zeros({3, 4}), torch::ones({2, 4}), torch::ones({3, 2}))),
              std::log(2.0), 1e-6);
}

TEST(PairwiseLikelihoodLoss, IsTheMeanOverPairs) {
  // s = 0.5 * (2, -2) = (1, -1) with similarity (1, 0): ln(1 + e) - 1 = ln(1 + e^-1) = 0.313262 both
  // with similarity (0, 1): 1.313262 both
  const auto codes = torch::tensor({{1.0F, 1.0F}, {-1.0F, -1.0F}});
  const auto relaxed = torch::tensor({{1.0F, 1.0F}});
  EXPECT_NEAR(number(pairwise_likelihood_loss(codes, relaxed, torch::tensor({{1.0F}, {0.0F}}))), 0.313262, 1e-5);
  EXPECT_NEAR(number(pairwise_likelihood_loss(codes, relaxed, torch::tensor({{0.0F}, {1.0F}}))), 1.313262, 1e-5);
  EXPECT_NEAR(number(pairwise_likelihood_loss(codes, relaxed, torch::tensor({{1.0F}, {1.0F}}))), 0.813262, 1e-5);
}

TEST(PairwiseLikelihoodLoss, IsBoundedByTheClampWhichStopsTheGradient) {
  // x . h = 256 is taken as 64: s = 32
  const auto codes = torch::ones({1, 256});
  const auto relaxed = torch::ones({1, 256}).set_requires_grad(true);
  const auto unlike = pairwise_likelihood_loss(codes, relaxed, torch::zeros({1, 1}));
  EXPECT_NEAR(number(unlike), 32, 1e-4);
  EXPECT_NEAR(number(pairwise_likelihood_loss(codes, relaxed, torch::ones({1, 1}))), 0, 1e-6);
  unlike.backward();
  EXPECT_EQ(number(relaxed.grad().abs().sum()), 0);
}

TEST(PairwiseLikelihoodLoss, HasTheGradientOfFiniteDifferences) {
  const auto codes = drawn(5, 4).sign();
  const auto similarity = drawn(5, 3, 4).gt(0).to(torch::kFloat64);
  EXPECT_LT(gradient_gap([&](const auto& h) { return pairwise_likelihood_loss(codes, h, similarity); }, drawn(3, 4)),
            1e-7);
}

TEST(PairwiseLikelihoodLoss, RefusesSimilaritiesOfOtherPairs) {
  EXPECT_THROW(pairwise_likelihood_loss(torch::ones({3, 4}), torch::ones({2, 4}), torch::ones({2, 3})), c10::Error);
  EXPECT_THROW(pairwise_likelihood_loss(torch::ones({3, 4}), torch::ones({2, 5}), torch::ones({3, 2})), c10::Error);
}

// --- quantization ---

TEST(CodeQuantizationLoss, IsTheMeanSquaredGapToGivenCodes) {
  // (0.5 - 1)^2 + 0 over 1 row of 2 bits
  const auto codes = torch::tensor({{1.0F, -1.0F}}).set_requires_grad(true);
  const auto relaxed = torch::tensor({{0.5F, -1.0F}}).set_requires_grad(true);
  const auto loss = code_quantization_loss(relaxed, codes);
  EXPECT_NEAR(number(loss), 0.125, 1e-7);
  loss.backward();
  EXPECT_FALSE(codes.grad().defined());
}

TEST(CodeQuantizationLoss, IsTheQuantizationLossForTheCodesOwnSigns) {
  const auto relaxed = drawn(4, 3);
  EXPECT_NEAR(number(code_quantization_loss(relaxed, relaxed.sign())), number(quantization_loss(relaxed)), 1e-12);
  const auto codes = drawn(4, 3, 9).sign();
  EXPECT_LT(gradient_gap([&](const auto& h) { return code_quantization_loss(h, codes); }, relaxed), 1e-7);
}

// --- balance and decorrelation ---

TEST(BitBalanceLoss, IsTheMeanSquaredMeanOfBits) {
  // means (1, 0): (1 + 0) / 2
  EXPECT_NEAR(number(bit_balance_loss(torch::tensor({{1.0F, 1.0F}, {1.0F, -1.0F}}))), 0.5, 1e-7);
  EXPECT_NEAR(number(bit_balance_loss(torch::tensor({{1.0F, -1.0F}, {-1.0F, 1.0F}}))), 0, 1e-7);
  EXPECT_NEAR(number(bit_balance_loss(-torch::ones({7, 5}))), 1, 1e-7);
}

TEST(BitBalanceLoss, HasTheGradientOfFiniteDifferences) {
  EXPECT_LT(gradient_gap([](const auto& h) { return bit_balance_loss(h); }, drawn(4, 3)), 1e-7);
}

TEST(BitDecorrelationLoss, IsZeroForIndependentBitsAndOneHalfForTwoAlike) {
  EXPECT_NEAR(number(bit_decorrelation_loss(torch::tensor({{1.0F, 1.0F}, {1.0F, -1.0F}}))), 0, 1e-7);
  // moments all 1, less I: two ones of four
  EXPECT_NEAR(number(bit_decorrelation_loss(torch::tensor({{1.0F, 1.0F}, {-1.0F, -1.0F}}))), 0.5, 1e-7);
}

TEST(BitDecorrelationLoss, HasTheGradientOfFiniteDifferences) {
  EXPECT_LT(gradient_gap([](const auto& h) { return bit_decorrelation_loss(h); }, drawn(4, 3)), 1e-7);
}

TEST(BitLosses, DoNotDependOnHowOftenABatchIsRepeated) {
  const auto relaxed = drawn(4, 3);
  const auto thrice = relaxed.repeat({3, 1});
  EXPECT_NEAR(number(bit_balance_loss(thrice)), number(bit_balance_loss(relaxed)), 1e-12);
  EXPECT_NEAR(number(bit_decorrelation_loss(thrice)), number(bit_decorrelation_loss(relaxed)), 1e-12);
}

// --- cosines against similarities ---

TEST(RectifiedCosineLoss, ComparesCosinesAboveZeroWithSimilarities) {
  // cosines 1, -1 (counts as 0), 0.707107 against 1, 0, 0.5: 0 + 0 + 0.042893 over three
  const auto outputs = torch::tensor({{2.0F, 0.0F}});
  const auto buffer = torch::tensor({{1.0F, 0.0F}, {-3.0F, 0.0F}, {1.0F, 1.0F}});
  EXPECT_NEAR(number(rectified_cosine_loss(outputs, buffer, torch::tensor({{1.0F, 0.0F, 0.5F}}))), 0.0142977, 1e-6);
}

TEST(RectifiedCosineLoss, StaysFiniteForARowOfZeros) {
  const auto outputs = torch::zeros({1, 3}).set_requires_grad(true);
  const auto loss = rectified_cosine_loss(outputs, torch::ones({2, 3}), torch::ones({1, 2}));
  EXPECT_NEAR(number(loss), 1, 1e-7);
  loss.backward();
  EXPECT_TRUE(outputs.grad().isfinite().all().item<bool>());
}

TEST(RectifiedCosineLoss, HasTheGradientOfFiniteDifferences) {
  const auto buffer = drawn(5, 4);
  const auto similarity = drawn(3, 5, 8).abs();
  EXPECT_LT(gradient_gap([&](const auto& p) { return rectified_cosine_loss(p, buffer, similarity); }, drawn(3, 4, 5)),
            1e-7);
}

TEST(CosineRegressionLoss, ComparesCosinesOfRowsWithAffinities) {
  // cosines are I, affinities 1 and 0.5: 2 * 0.25 over four
  const auto relaxed = torch::tensor({{1.0F, 0.0F}, {0.0F, 2.0F}});
  EXPECT_NEAR(number(cosine_regression_loss(relaxed, torch::tensor({{1.0F, 0.5F}, {0.5F, 1.0F}}))), 0.125, 1e-7);
  EXPECT_NEAR(number(cosine_regression_loss(relaxed, torch::eye(2))), 0, 1e-7);
}

TEST(CosineRegressionLoss, HasTheGradientOfFiniteDifferences) {
  const auto affinity = drawn(4, 4, 6);
  EXPECT_LT(gradient_gap([&](const auto& h) { return cosine_regression_loss(h, affinity); }, drawn(4, 3)), 1e-7);
}

// --- pairs with a margin ---

TEST(ContrastivePairLoss, PullsSimilarPairsAndPushesOthersOutOfTheMargin) {
  // d = 5 (similar), 0.5 and 5 (not): (25 + (1 - 0.5)^2 + 0) / 2
  const auto left = torch::zeros({1, 2});
  const auto right = torch::tensor({{3.0F, 4.0F}, {0.0F, 0.5F}, {-3.0F, 4.0F}});
  EXPECT_NEAR(number(contrastive_pair_loss(left, right, torch::tensor({{1.0F, 0.0F, 0.0F}}), 1)), 12.625, 1e-5);
}

TEST(ContrastivePairLoss, HasAFiniteGradientWhereTwoPointsAreOne) {
  const auto left = torch::ones({1, 3}).set_requires_grad(true);
  const auto loss = contrastive_pair_loss(left, torch::ones({2, 3}), torch::tensor({{1.0F, 0.0F}}), 1);
  EXPECT_NEAR(number(loss), 0.5, 1e-6);
  loss.backward();
  EXPECT_EQ(number(left.grad().abs().sum()), 0);
}

TEST(ContrastivePairLoss, HasTheGradientOfFiniteDifferences) {
  const auto right = drawn(5, 3);
  const auto similar = drawn(4, 5, 11).gt(0).to(torch::kFloat64);
  const auto at = drawn(4, 3, 12);
  EXPECT_LT(gradient_gap([&](const auto& left) { return contrastive_pair_loss(left, right, similar, 1.5); }, at), 1e-7);
}

// --- affinity temperature ---

TEST(AffinityTemperature, FallsWithTheDivergenceOfPairedFeatures) {
  // softmaxes (1/2, 1/2) and (3/4, 1/4), m = (5/8, 3/8):
  //   KL(m || a) = 5/8 ln 5/4 + 3/8 ln 3/4 = 0.031584, KL(m || b) = 5/8 ln 5/6 + 3/8 ln 3/2 = 0.038098
  //   D = 0.034841, 0.07 / 1.034841 = 0.067643
  const auto a = torch::zeros({1, 2}).set_requires_grad(true);
  const auto b = torch::tensor({{std::log(3.0F), 0.0F}});
  const auto temperature = affinity_temperature(a, b, 0.07);
  EXPECT_NEAR(number(temperature), 0.067643, 1e-6);
  EXPECT_FALSE(temperature.requires_grad());
  EXPECT_NEAR(number(affinity_temperature(b, b, 0.07)), 0.07, 1e-8);
}

TEST(AffinityTemperature, IsAllButConstantForFeaturesOfLengthOne) {
  const auto a = unit_rows(drawn(8, 512));
  for (const auto& b : {unit_rows(drawn(8, 512, 5)), -a}) {
    const double temperature = number(affinity_temperature(a, b, 0.07));
    EXPECT_LT(temperature, 0.07);
    EXPECT_GT(temperature, 0.06993);
  }
}

TEST(AffinityTemperature, StaysFiniteForFeaturesFarApart) {
  const auto a = torch::tensor({{500.0F, 0.0F}});
  const double temperature = number(affinity_temperature(a, -a, 0.07));
  EXPECT_TRUE(std::isfinite(temperature));
  EXPECT_GT(temperature, 0);
}

}  // namespace
}  // namespace warifu
