#include "nn/mixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/rng.h"

namespace warifu {
namespace {

using testing::Each;
using testing::HasSubstr;

using Fit = Result<LossMixture> (*)(std::span<const double>, const MixtureOptions&);
constexpr Fit kFits[] = {fit_gaussian_mixture, fit_beta_mixture};

// Losses of items of which it is known whether they are clean.
struct Drawn {
  std::vector<double> losses;
  std::vector<bool> clean;
};

// 6 of 10 from N(0, 1), the others from N(gap, deviation^2).
Drawn two_gaussians(std::size_t count, double gap, double deviation) {
  Rng rng(11);
  Drawn drawn;
  for (std::size_t i = 0; i < count; ++i) {
    const bool clean = rng.uniform() < 0.6;
    const double normal = std::sqrt(-2 * std::log(1 - rng.uniform())) * std::cos(2 * std::numbers::pi * rng.uniform());
    drawn.losses.push_back(clean ? normal : gap + deviation * normal);
    drawn.clean.push_back(clean);
  }
  return drawn;
}

// 6 of 10 from Beta(2, 8), the others from Beta(7, 3): order statistics of nine uniform numbers.
Drawn two_betas(std::size_t count) {
  Rng rng(12);
  Drawn drawn;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<double> nine(9);
    for (auto& value : nine) value = rng.uniform();
    std::ranges::sort(nine);
    const bool clean = rng.uniform() < 0.6;
    drawn.losses.push_back(clean ? nine[1] : nine[6]);
    drawn.clean.push_back(clean);
  }
  return drawn;
}

double accuracy(const std::vector<double>& posterior, const std::vector<bool>& clean) {
  double right = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) right += (posterior[i] > 0.5) == clean[i] ? 1 : 0;
  return right / static_cast<double>(clean.size());
}

double mean_gap(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size());
}

// --- it finds what was drawn ---

TEST(GaussianMixture, FindsThePosteriorOfTwoOverlappingClusters) {
  // N(0, 1) and N(3, 1), 6 to 4: log odds = ln 1.5 - 3 x + 4.5; the best rule errs for about 6.5 in 100
  const auto drawn = two_gaussians(5000, 3, 1);
  std::vector<double> truth;
  truth.reserve(drawn.losses.size());
  for (const double loss : drawn.losses)
    truth.push_back(1 / (1 + std::exp(-std::log(1.5) + 3 * std::clamp(loss, 0.0, 3.0) - 4.5)));
  const auto mixture = fit_gaussian_mixture(drawn.losses);
  ASSERT_TRUE(mixture.has_value());
  EXPECT_TRUE(mixture->split);
  EXPECT_NEAR(mixture->clean_share, 0.6, 0.03);
  EXPECT_LT(mean_gap(mixture->clean, truth), 0.015);
  EXPECT_NEAR(accuracy(truth, drawn.clean), 0.935, 0.01);
  EXPECT_GT(accuracy(mixture->clean, drawn.clean), accuracy(truth, drawn.clean) - 0.005);
}

TEST(GaussianMixture, GivesWellApartClustersHardAnswersAndTheirMeans) {
  // 0, 0.1 and 0.9, 1 are 0.8 apart with variance 0.0025: the posteriors are 1 and 0, the means exact
  const auto mixture = fit_gaussian_mixture(std::vector<double>{3, 4, 12, 13});
  ASSERT_TRUE(mixture.has_value());
  EXPECT_NEAR(mixture->clean_mean, 0.05, 1e-9);
  EXPECT_NEAR(mixture->noisy_mean, 0.95, 1e-9);
  EXPECT_NEAR(mixture->clean_share, 0.5, 1e-9);
  EXPECT_NEAR(mixture->clean[0], 1, 1e-9);
  EXPECT_NEAR(mixture->clean[1], 1, 1e-9);
  EXPECT_NEAR(mixture->clean[2], 0, 1e-9);
}

TEST(GaussianMixture, KeepsItsBestItemsCleanBesideAMuchWiderCluster) {
  // The plain posterior would give the lowest losses to N(3, 3^2), whose tail is higher there.
  const auto drawn = two_gaussians(4000, 3, 3);
  const auto mixture = fit_gaussian_mixture(drawn.losses);
  ASSERT_TRUE(mixture.has_value());
  const auto lowest = std::ranges::min_element(drawn.losses) - drawn.losses.begin();
  EXPECT_GT(mixture->clean[static_cast<std::size_t>(lowest)], 0.7);
}

TEST(BetaMixture, FindsThePosteriorOfTwoOverlappingClusters) {
  // densities 72 x (1 - x)^7 and 252 x^6 (1 - x)^2: odds 6 * 72 (1 - x)^5 to 4 * 252 x^5, between the
  // means 0.2 and 0.7
  const auto drawn = two_betas(5000);
  std::vector<double> truth;
  truth.reserve(drawn.losses.size());
  for (const double loss : drawn.losses) {
    const double x = std::clamp(loss, 0.2, 0.7);
    truth.push_back(1 / (1 + 4 * 252 * std::pow(x, 5) / (6 * 72 * std::pow(1 - x, 5))));
  }
  const auto mixture = fit_beta_mixture(drawn.losses);
  ASSERT_TRUE(mixture.has_value());
  EXPECT_TRUE(mixture->split);
  EXPECT_NEAR(mixture->clean_share, 0.6, 0.03);
  EXPECT_LT(mean_gap(mixture->clean, truth), 0.02);
  EXPECT_GT(accuracy(mixture->clean, drawn.clean), accuracy(truth, drawn.clean) - 0.005);
}

// --- both, for any losses ---

TEST(LossMixture, KeepsAShareThatIsKnown) {
  // One group of losses: alone it would be halved.
  std::vector<double> losses(400);
  for (std::size_t i = 0; i < losses.size(); ++i) losses[i] = static_cast<double>(i * 7 % 400) / 400;
  const auto noisy = [&](double share) {
    const auto mixture = fit_gaussian_mixture(losses, {.noisy_share = share});
    EXPECT_TRUE(mixture.has_value());
    return std::ranges::count_if(mixture->clean, [](double clean) { return clean < 0.5; });
  };
  EXPECT_EQ(noisy(0), 0);
  EXPECT_EQ(noisy(0.002), 0);  // less than one item
  EXPECT_LT(noisy(0.1), 80);
  EXPECT_GT(noisy(0.99), 300);
  EXPECT_EQ(noisy(0.999), 400);
  EXPECT_EQ(noisy(1), 400);
  const auto halved = fit_gaussian_mixture(losses);
  ASSERT_TRUE(halved.has_value());
  EXPECT_GT(std::ranges::count_if(halved->clean, [](double clean) { return clean < 0.5; }), 150);
  EXPECT_FALSE(fit_gaussian_mixture(losses, {.noisy_share = 1.5}).has_value());
}

TEST(LossMixture, NeverCallsALargerLossCleaner) {
  for (const auto& drawn : {two_gaussians(800, 3, 1), two_gaussians(800, 1, 5), two_gaussians(800, 4, 0.2),
                            two_gaussians(800, 0, 1), two_betas(800)}) {
    std::vector<double> sorted = drawn.losses;
    std::ranges::sort(sorted);
    for (const auto fit : kFits) {
      const auto mixture = fit(sorted, {});
      ASSERT_TRUE(mixture.has_value());
      for (std::size_t i = 1; i < sorted.size(); ++i) EXPECT_LE(mixture->clean[i], mixture->clean[i - 1] + 1e-12);
      EXPECT_THAT(mixture->clean, Each(testing::AllOf(testing::Ge(0), testing::Le(1))));
    }
  }
}

TEST(LossMixture, DependsNeitherOnTheOrderOfItemsNorOnTheScaleOfLosses) {
  const auto drawn = two_gaussians(500, 3, 1);
  std::vector<std::size_t> order(drawn.losses.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Rng rng(5);
  shuffle(std::span(order), rng);
  std::vector<double> shuffled;
  shuffled.reserve(order.size());
  for (const auto place : order) shuffled.push_back(1000 * drawn.losses[place] - 7);
  for (const auto fit : kFits) {
    const auto plain = fit(drawn.losses, {});
    const auto other = fit(shuffled, {});
    ASSERT_TRUE(plain.has_value() && other.has_value());
    for (std::size_t i = 0; i < order.size(); ++i) EXPECT_NEAR(other->clean[i], plain->clean[order[i]], 1e-6);
  }
}

TEST(LossMixture, CallsEverythingCleanWhereThereAreNoTwoGroups) {
  for (const auto fit : kFits) {
    EXPECT_THAT(fit(std::vector<double>{}, {})->clean, testing::IsEmpty());
    for (const auto& losses : {std::vector<double>{2.5}, std::vector<double>(50, 0.3), std::vector<double>(3, -0.0)}) {
      const auto mixture = fit(losses, {});
      ASSERT_TRUE(mixture.has_value());
      EXPECT_FALSE(mixture->split);
      EXPECT_EQ(mixture->clean.size(), losses.size());
      EXPECT_THAT(mixture->clean, Each(1));
    }
  }
}

TEST(LossMixture, DoesNotCollapseOnGroupsOfEqualLosses) {
  std::vector<double> losses(30, 0.1);
  losses.resize(40, 2.0);
  for (const auto fit : kFits) {
    const auto mixture = fit(losses, {});
    ASSERT_TRUE(mixture.has_value());
    EXPECT_TRUE(mixture->split);
    EXPECT_NEAR(mixture->clean_share, 0.75, 0.01);
    EXPECT_GT(mixture->clean.front(), 0.99);
    EXPECT_LT(mixture->clean.back(), 0.01);
  }
}

TEST(LossMixture, SurvivesTwoItemsAndLossesAtTheEndsOfDouble) {
  constexpr double kMost = std::numeric_limits<double>::max();
  for (const auto fit : kFits) {
    for (const auto& losses : {std::vector<double>{1, 2}, std::vector<double>{-kMost, 0, kMost},
                               std::vector<double>{0, 0, 0, kMost}, std::vector<double>{0, 5e-324, 1e-323}}) {
      const auto mixture = fit(losses, {});
      ASSERT_TRUE(mixture.has_value());
      EXPECT_THAT(mixture->clean, Each(testing::AllOf(testing::Ge(0), testing::Le(1))));
      EXPECT_GT(mixture->clean.front(), 0.5);
    }
  }
}

TEST(LossMixture, LeavesOutliersOutOfTheScaleWhenAsked) {
  auto drawn = two_gaussians(2000, 6, 1);
  drawn.losses.push_back(1e6);
  drawn.clean.push_back(false);
  for (const auto fit : kFits) {
    const auto pressed = fit(drawn.losses, {});
    const auto mixture = fit(drawn.losses, {.outlier_share = 0.01});
    ASSERT_TRUE(pressed.has_value() && mixture.has_value());
    EXPECT_LT(accuracy(pressed->clean, drawn.clean), 0.7);
    EXPECT_GT(accuracy(mixture->clean, drawn.clean), 0.99);
    EXPECT_LT(mixture->clean.back(), 0.01);
  }
}

TEST(LossMixture, RefusesLossesThatAreNoNumbersAndSaysWhich) {
  for (const auto fit : kFits) {
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      const auto mixture = fit(std::vector<double>{0.5, 0.1, bad}, {});
      ASSERT_FALSE(mixture.has_value());
      EXPECT_EQ(mixture.error().code, ErrorCode::kInvalidArgument);
      EXPECT_THAT(mixture.error().message, HasSubstr("item 2"));
    }
  }
}

TEST(LossMixture, RefusesOptionsOutOfRange) {
  const std::vector<double> losses = {1, 2, 3};
  for (const auto fit : kFits) {
    EXPECT_FALSE(fit(losses, {.max_rounds = 0}).has_value());
    EXPECT_FALSE(fit(losses, {.variance_floor = 0}).has_value());
    EXPECT_FALSE(fit(losses, {.outlier_share = 0.5}).has_value());
    EXPECT_FALSE(fit(losses, {.tolerance = std::numeric_limits<double>::quiet_NaN()}).has_value());
  }
}

}  // namespace
}  // namespace warifu
