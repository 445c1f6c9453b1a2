#include "methods/contrastive/clean_pairs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/losses.h"

namespace warifu {
namespace {

TEST(PairLosses, AreThoseOfAChoiceAmongAllByHand) {
  const auto image = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  const auto text = torch::tensor({{1.0F, 0.0F}, {-1.0F, 0.0F}});
  const auto both = pair_losses(image, text, 0.5);
  const auto& losses = both.own;
  EXPECT_NEAR(losses[0].item<double>(), (std::log1p(std::exp(-4.0)) + std::log1p(std::exp(-2.0))) / 2, 1e-6);
  EXPECT_NEAR(losses[1].item<double>(), (std::log(2.0) + std::log1p(std::exp(-2.0))) / 2, 1e-6);
  // Of two items the other is the only exchange: picture 0 with text 1, cosine -1, against the keys of other items,
  // which are the same ones: a choice of two that are equal.
  ASSERT_EQ(both.exchanged.size(0), 2 * kExchanges);
  EXPECT_NEAR(both.exchanged[0].item<double>(), std::log(2.0), 1e-6);
}

TEST(PairLosses, AskForTheOwnHalfOnceAlsoWhereFewKeysAreCompared) {
  torch::manual_seed(3);
  const auto image = unit_rows(torch::randn({300, 8}));
  const auto text = unit_rows(image + 0.3 * torch::randn({300, 8}));
  const auto all = pair_losses(image, text, 0.2, 300).own;
  EXPECT_TRUE(torch::allclose(all, pair_losses(image, text, 0.2, 1000).own));
  const auto few = pair_losses(image, text, 0.2, 100).own;  // every third
  for (const std::int64_t row : {0, 1, 299}) {
    const auto chosen = torch::arange(0, 300, 3, torch::kInt64);
    double expected = 0;
    for (const bool from_image : {true, false}) {
      const auto& queries = from_image ? image : text;
      const auto& keys = from_image ? text : image;
      const auto others = chosen.index_select(0, chosen.ne(row).nonzero().squeeze(1));
      const auto own = queries[row].dot(keys[row]) / 0.2;
      const auto rest = keys.index_select(0, others).mv(queries[row]) / 0.2;
      expected += (torch::logsumexp(torch::cat({rest, own.unsqueeze(0)}), 0) - own).item<double>() / 2;
    }
    EXPECT_NEAR(few[row].item<double>(), expected, 1e-4) << row;
  }
}

TEST(CleanPairs, AreAllBelievedUntilTheyAreLookedAt) {
  const CleanPairs clean(5);
  EXPECT_FALSE(clean.observed());
  EXPECT_TRUE(clean.probability().equal(torch::ones({5})));
}

PairLosses drawn_losses(const torch::Tensor& wrong) {
  const auto pairs = wrong.size(0);
  const auto own = torch::where(wrong, torch::full({pairs}, 6.0F), torch::full({pairs}, 2.0F));
  return {own + 0.5 * torch::randn({pairs}), 6 + 0.5 * torch::randn({pairs * kExchanges})};
}

TEST(CleanPairs, AreThoseWhoseLossesAreUnlikeThoseOfExchangedOnes) {
  torch::manual_seed(4);
  const auto wrong = torch::arange(500).remainder(5).eq(0);  // a fifth
  CleanPairs clean(500);
  clean.observe(drawn_losses(wrong), 0.5);
  EXPECT_LE(clean.probability().lt(0.5).ne(wrong).sum().item<std::int64_t>(), 5);

  CleanPairs all_right(500);
  all_right.observe(drawn_losses(torch::zeros({500}, torch::kBool)), 0.5);
  EXPECT_GT(all_right.probability().min().item<double>(), 0.5);
}

TEST(CleanPairs, AverageTheirLossesOverLooks) {
  torch::manual_seed(4);
  const auto wrong = torch::arange(200).remainder(3).eq(0);
  const auto first = drawn_losses(wrong);
  const auto second = drawn_losses(wrong);
  CleanPairs looked_twice(200);
  looked_twice.observe(first, 0.25);
  looked_twice.observe(second, 0.25);
  CleanPairs once(200);
  once.observe({0.25 * first.own + 0.75 * second.own, 0.25 * first.exchanged + 0.75 * second.exchanged}, 0.25);
  EXPECT_TRUE(torch::allclose(looked_twice.probability(), once.probability(), 1e-3, 1e-4));

  CleanPairs restored(200);
  restored.restore(looked_twice.state());
  EXPECT_TRUE(restored.probability().equal(looked_twice.probability()));
  EXPECT_TRUE(restored.observed());
}

}  // namespace
}  // namespace warifu
