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
  // Of two items the other is the only exchange: picture 0 with text 1, cosine -1. The picture chooses among
  // texts of cosine 1 and -1, the text among pictures of cosine -1 and 0.
  ASSERT_EQ(both.exchanged.size(0), 2 * kExchanges);
  EXPECT_NEAR(both.exchanged[0].item<double>(), (std::log1p(std::exp(4.0)) + std::log1p(std::exp(2.0))) / 2, 1e-5);
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

constexpr std::int64_t kPairs = 1000;

torch::Tensor held_out() { return torch::arange(0, kPairs, 5, torch::kInt64); }

TEST(CleanPairs, AreAllBelievedUntilTheyAreLookedAt) {
  const CleanPairs clean(kPairs, held_out());
  EXPECT_FALSE(clean.observed());
  EXPECT_TRUE(clean.probability().equal(torch::ones({kPairs})));
}

// Right pairs have losses about 2, exchanged ones about 6; wrong pairs, too, but where they were learnt: about 4.5.
PairLosses drawn_losses(const torch::Tensor& wrong) {
  auto of_wrong = torch::full({kPairs}, 4.5F);
  of_wrong.index_fill_(0, held_out(), 6.0F);
  const auto own = torch::where(wrong, of_wrong, torch::full({kPairs}, 2.0F));
  return {own + 0.5 * torch::randn({kPairs}), 6 + 0.5 * torch::randn({kPairs * kExchanges})};
}

TEST(CleanPairs, AreToldFromWrongOnesAlsoWhereTheseWereLearnt) {
  torch::manual_seed(4);
  const auto wrong = torch::rand({kPairs}).lt(0.3);
  CleanPairs clean(kPairs, held_out());
  clean.observe(drawn_losses(wrong), 0.5);
  EXPECT_LE(clean.probability().lt(0.5).ne(wrong).sum().item<std::int64_t>(), 15);
}

TEST(CleanPairs, AreLeftAloneWhereAllAreRight) {
  torch::manual_seed(5);
  CleanPairs clean(kPairs, held_out());
  clean.observe(drawn_losses(torch::zeros({kPairs}, torch::kBool)), 0.5);
  EXPECT_LE(clean.probability().lt(0.5).sum().item<std::int64_t>(), 5);
}

TEST(CleanPairs, AreAllBelievedWhileTheModelCannotTellThemFromExchangedOnes) {
  torch::manual_seed(7);
  for (const float gap : {0.0F, 0.5F, 0.9F}) {  // deviations
    CleanPairs clean(kPairs, held_out());
    clean.observe({torch::randn({kPairs}) - gap, torch::randn({kPairs * kExchanges})}, 0.5);
    EXPECT_TRUE(clean.probability().equal(torch::ones({kPairs}))) << gap;
  }
  CleanPairs collapsed(kPairs, held_out());
  collapsed.observe({torch::ones({kPairs}), torch::ones({kPairs * kExchanges})}, 0.5);
  EXPECT_TRUE(collapsed.probability().equal(torch::ones({kPairs})));
}

TEST(CleanPairs, AreAllTakenForHeldOutWhereFewAre) {
  torch::manual_seed(6);
  const auto wrong = torch::arange(kPairs).remainder(5).eq(0);  // those whose losses did not sink
  CleanPairs clean(kPairs, torch::tensor({3L, 4L}));
  clean.observe(drawn_losses(wrong), 0.5);
  EXPECT_LE(clean.probability().lt(0.5).ne(wrong).sum().item<std::int64_t>(), 10);
}

TEST(CleanPairs, AverageTheirLossesOverLooks) {
  torch::manual_seed(4);
  const auto wrong = torch::arange(kPairs).remainder(3).eq(0);
  const auto first = drawn_losses(wrong);
  const auto second = drawn_losses(wrong);
  CleanPairs looked_twice(kPairs, held_out());
  looked_twice.observe(first, 0.25);
  looked_twice.observe(second, 0.25);
  CleanPairs once(kPairs, held_out());
  once.observe({0.25 * first.own + 0.75 * second.own, 0.25 * first.exchanged + 0.75 * second.exchanged}, 0.25);
  EXPECT_TRUE(torch::allclose(looked_twice.probability(), once.probability(), 1e-3, 1e-4));

  CleanPairs restored(kPairs, held_out());
  restored.restore(looked_twice.state());
  EXPECT_TRUE(restored.probability().equal(looked_twice.probability()));
  EXPECT_TRUE(restored.observed());
}

}  // namespace
}  // namespace warifu
