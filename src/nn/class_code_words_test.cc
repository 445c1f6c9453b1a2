#include "nn/class_code_words.h"

#include <gtest/gtest.h>

#include <cmath>

namespace warifu {
namespace {

torch::Tensor distances(const torch::Tensor& words) {
  return (static_cast<double>(words.size(1)) - words.mm(words.t())) / 2;
}

double nearest(const torch::Tensor& words) {
  auto between = distances(words);
  return between.fill_diagonal_(1e9).min().item<double>();
}

TEST(ClassPull, IsStrongBetweenAlikeAndFrequentClasses) {
  // Classes 0 and 1 look the same, 2 is opposite; two items of 0, one of 1 and of 2.
  const auto features = torch::tensor({{1.0F, 0.0F}, {3.0F, 0.0F}, {1.0F, 0.0F}, {-1.0F, 0.0F}});
  const auto labels = torch::tensor({{1.0F, 0.0F, 0.0F}, {1.0F, 0.0F, 0.0F}, {0.0F, 1.0F, 0.0F}, {0.0F, 0.0F, 1.0F}});
  const auto pull = class_pull(features, labels, 2);
  const double root = std::sqrt(2.0);
  const auto expected = torch::tensor({{0.0, root * std::exp(2), root * std::exp(-2)},
                                       {root * std::exp(2), 0.0, std::exp(-2)},
                                       {root * std::exp(-2), std::exp(-2), 0.0}});
  EXPECT_TRUE(torch::allclose(pull, expected.to(torch::kFloat32), 1e-5, 1e-6)) << pull;
}

TEST(ClassCodeWords, AreSignsFartherApartThanChanceAndTheSameBySeed) {
  const auto even = torch::ones({40, 40}).fill_diagonal_(0);
  for (const std::int64_t bits : {16, 64, 70}) {
    Rng rng(3);
    const auto words = class_code_words(even, bits, rng);
    ASSERT_EQ(words.sizes(), (std::vector<std::int64_t>{40, bits}));
    EXPECT_TRUE(words.abs().eq(1).all().item<bool>());
    torch::manual_seed(1);
    double chance = 0;
    for (int draw = 0; draw < 20; ++draw) chance += nearest(torch::randint(0, 2, {40, bits}) * 2.0F - 1) / 20;
    EXPECT_GT(nearest(words), chance) << bits;
    Rng again(3);
    EXPECT_TRUE(class_code_words(even, bits, again).equal(words));
  }
}

TEST(ClassCodeWords, OfAlikeClassesLieNear) {
  // Six groups of five classes; the classes of a group pull each other.
  const auto group = torch::arange(30).floor_divide(5);
  const auto same = group.unsqueeze(0).eq(group.unsqueeze(1)).to(torch::kFloat32);
  Rng rng(2);
  const auto between = distances(class_code_words((same * 20 + 1).fill_diagonal_(0), 16, rng));
  const auto others = same - torch::eye(30);
  const double within = ((between * others).sum() / others.sum()).item<double>();
  const double across = ((between * (1 - same)).sum() / (1 - same).sum()).item<double>();
  EXPECT_LT(within, across - 0.5);
}

TEST(ClassCodeWords, WithoutPullPreferNoClasses) {
  double first_two = 0, all = 0;
  constexpr int kSeeds = 12;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Rng rng(static_cast<std::uint64_t>(seed));
    const auto between = distances(class_code_words(torch::zeros({12, 12}), 16, rng));
    first_two += between[0][1].item<double>() / kSeeds;
    all += between.sum().item<double>() / (12 * 11) / kSeeds;
  }
  EXPECT_NEAR(first_two, all, 1.5);
}

TEST(ClassCodeWords, OfOneClassIsAnyWord) {
  Rng rng(1);
  EXPECT_EQ(class_code_words(torch::zeros({1, 1}), 8, rng).sizes(), (std::vector<std::int64_t>{1, 8}));
}

}  // namespace
}  // namespace warifu
