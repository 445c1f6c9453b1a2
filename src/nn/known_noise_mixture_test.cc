#include "nn/known_noise_mixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"

namespace warifu {
namespace {

using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;

// About normal, of deviation 1.
double drawn(Rng& rng, double mean) {
  double sum = 0;
  for (int i = 0; i < 12; ++i) sum += rng.uniform();
  return sum - 6 + mean;
}

std::vector<double> drawn_losses(std::size_t count, double mean, Rng& rng) {
  std::vector<double> losses(count);
  for (double& loss : losses) loss = drawn(rng, mean);
  return losses;
}

TEST(KnownNoiseMixture, IsTheRatioOfDensitiesByHand) {
  // Wrong losses 3, 4; items 1, 2, 3, 4. Above 3 lie 1/4 of the items and 1/2 of the wrong: eta = 1/2.
  // At 3 and at 4 the wrong have 1/2 each, the items 1/4: p0 / p = 2, wrong with 1/2 * 2 = 1.
  const auto mixture = fit_known_noise_mixture(std::vector<double>{4, 1, 3, 2}, std::vector<double>{3, 4});
  ASSERT_TRUE(mixture.has_value());
  EXPECT_DOUBLE_EQ(mixture->noise_share, 0.5);
  EXPECT_THAT(mixture->clean, ElementsAre(DoubleNear(0, 1e-12), 1, DoubleNear(0, 1e-12), 1));
}

TEST(KnownNoiseMixture, PoolsNeighboursWhereTheRatioWouldFall) {
  // Ratio of densities at 1, 2, 3: (1/4) / (1/2), (1/4) / 0, (1/2) / (1/2); 1 stays 1/2, 2 and 3 pool to 3/2.
  // Above 1 lie half of the items and 3/4 of the wrong: eta = 2/3; above 2: 1/2 and 1/2.
  const auto mixture = fit_known_noise_mixture(std::vector<double>{1, 3}, std::vector<double>{1, 2, 3, 3});
  ASSERT_TRUE(mixture.has_value());
  EXPECT_DOUBLE_EQ(mixture->noise_share, 2.0 / 3);
  EXPECT_THAT(mixture->clean, ElementsAre(DoubleNear(1 - 2.0 / 3 / 2, 1e-12), DoubleNear(0, 1e-12)));
}

TEST(KnownNoiseMixture, FindsTheShareAndTheItemsThatAreWrong) {
  Rng rng(5);
  for (const double share : {0.1, 0.4, 0.6}) {
    const auto wrong = static_cast<std::size_t>(share * 4000);
    auto losses = drawn_losses(wrong, 4, rng);
    const auto right = drawn_losses(4000 - wrong, 0, rng);
    losses.insert(losses.end(), right.begin(), right.end());
    const auto mixture = fit_known_noise_mixture(losses, drawn_losses(20000, 4, rng));
    ASSERT_TRUE(mixture.has_value());
    EXPECT_NEAR(mixture->noise_share, share, 0.03);
    std::size_t errors = 0;  // the best cut, halfway between both means, errs by 2.3 %
    double expected = 0;     // errors, if the posterior is calibrated
    for (std::size_t i = 0; i < losses.size(); ++i) {
      errors += (mixture->clean[i] < 0.5) != (i < wrong);
      expected += std::min(mixture->clean[i], 1 - mixture->clean[i]);
    }
    EXPECT_LT(static_cast<double>(errors), 0.03 * 4000) << share;
    EXPECT_NEAR(static_cast<double>(errors), expected, 0.01 * 4000) << share;
  }
}

TEST(KnownNoiseMixture, LeavesItemsAloneThatAreAllRight) {
  Rng rng(6);
  const auto mixture = fit_known_noise_mixture(drawn_losses(4000, 0, rng), drawn_losses(20000, 4, rng));
  ASSERT_TRUE(mixture.has_value());
  EXPECT_LT(mixture->noise_share, 0.01);
  EXPECT_LT(std::ranges::count_if(mixture->clean, [](double clean) { return clean < 0.5; }), 8);
}

TEST(KnownNoiseMixture, NeverBelievesALargerLossMore) {
  Rng rng(7);
  auto losses = drawn_losses(500, 1, rng);
  std::ranges::sort(losses);
  const auto mixture = fit_known_noise_mixture(losses, drawn_losses(700, 2, rng));
  ASSERT_TRUE(mixture.has_value());
  EXPECT_TRUE(std::ranges::is_sorted(mixture->clean, std::ranges::greater{}));
  EXPECT_THAT(mixture->clean, Each(testing::AllOf(testing::Ge(0), testing::Le(1))));
}

TEST(KnownNoiseMixture, BelievesEverythingWithoutExamplesAndNothingThatIsLikeThem) {
  EXPECT_THAT(fit_known_noise_mixture(std::vector<double>{1, 2}, {})->clean, Each(1));
  EXPECT_TRUE(fit_known_noise_mixture({}, std::vector<double>{1, 2})->clean.empty());
  const std::vector<double> same(100, 2.5);
  EXPECT_THAT(fit_known_noise_mixture(same, same)->clean, Each(0));
}

TEST(KnownNoiseMixture, RefusesALossThatIsNoNumber) {
  const std::vector<double> broken = {1, std::numeric_limits<double>::quiet_NaN()};
  const std::vector<double> fine = {1, 2};
  EXPECT_FALSE(fit_known_noise_mixture(broken, fine).has_value());
  EXPECT_FALSE(fit_known_noise_mixture(fine, broken).has_value());
}

}  // namespace
}  // namespace warifu
