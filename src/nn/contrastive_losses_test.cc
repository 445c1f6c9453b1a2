#include "nn/contrastive_losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "nn/gradient_check.h"
#include "nn/losses.h"

namespace warifu {
namespace {

const float kLn2 = std::log(2.0F);
constexpr float kOut = -std::numeric_limits<float>::infinity();

// One row whose first column is the positive.
ContrastColumns first_of(std::int64_t columns) {
  auto positive = torch::zeros({1, columns}, torch::kBool);
  positive[0][0] = true;
  return {.positive = positive};
}

// p = (1/2, 1/4, 1/4), the first the positive.
torch::Tensor half_and_quarters() { return torch::tensor({{kLn2, 0.0F, 0.0F}}); }

// Three queries, five keys: an old copy of the first query's item among them, one column left out.
ContrastColumns batch_and_bank() {
  return {
      .positive = torch::tensor(
          {{true, false, false, true, false}, {false, true, false, false, false}, {false, false, true, false, false}}),
      .left_out = torch::tensor({{false, false, false, false, false},
                                 {false, false, false, false, true},
                                 {false, false, false, false, false}}),
      .log_weight = torch::tensor({0.0F, 0.0F, 0.0F, -0.3F, -1.2F})};
}

torch::Tensor drawn_cosines(std::int64_t rows, std::int64_t columns) {
  torch::manual_seed(7);
  return torch::rand({rows, columns}, torch::kFloat64) * 2 - 1;
}

// Every loss of a row as a function of cosines and a temperature, to walk over.
using RowLoss = std::function<torch::Tensor(const torch::Tensor&, const ContrastColumns&, double)>;
std::vector<std::pair<std::string, RowLoss>> row_losses() {
  return {
      {"info_nce",
       [](const auto& s, const auto& c, double t) {
         auto targets = c.positive.to(s.dtype());
         if (c.left_out.defined()) targets = targets.masked_fill(c.left_out, 0);
         return info_nce(s / t, targets / targets.sum(1, true), c.left_out, c.log_weight);
       }},
      {"siglip",
       [](const auto& s, const auto& c, double t) {
         return siglip(s, torch::full({1}, 1 / t, s.options()), torch::full({1}, -10, s.options()), c, 64);
       }},
      {"rince", [](const auto& s, const auto& c, double t) { return rince(s / t, c, 0.6, 0.01, 1 / t); }},
      {"rince, q = 1", [](const auto& s, const auto& c, double t) { return rince(s / t, c, 1, 0.5, 1 / t); }},
      {"rince, small q", [](const auto& s, const auto& c, double t) { return rince(s / t, c, 1e-3, 1, 1 / t); }},
      {"complementary_log", [](const auto& s, const auto& c, double t) { return complementary_log(s / t, c); }},
      {"complementary_gce", [](const auto& s, const auto& c, double t) { return complementary_gce(s / t, c, 0.5); }},
      {"complementary_tan", [](const auto& s, const auto& c, double t) { return complementary_tan(s / t, c); }},
      {"complementary_exp", [](const auto& s, const auto& c, double t) { return complementary_exp(s / t, c); }},
      {"complementary_mae", [](const auto& s, const auto& c, double t) { return complementary_mae(s / t, c); }},
      {"triplet_alignment_loss",
       [](const auto& s, const auto& c, double t) { return triplet_alignment_loss(s, c, t, 0.1); }},
  };
}

// --- all of them ---

TEST(RowLosses, HaveTheGradientOfFiniteDifferences) {
  const auto row_weights = torch::tensor({0.3, 1.0, 2.0}, torch::kFloat64);
  auto columns = batch_and_bank();
  for (const auto& [name, loss] : row_losses()) {
    // The triplet's weights of several positives are held fixed on purpose: one positive here.
    if (name == "triplet_alignment_loss") columns.positive = torch::eye(5, torch::kBool).narrow(0, 0, 3);
    for (const double temperature : {1.0, 0.2}) {
      const auto weighted = [&, &loss = loss](const torch::Tensor& cosines) {
        return (loss(cosines, columns, temperature) * row_weights).sum();
      };
      EXPECT_LT(gradient_gap(weighted, drawn_cosines(3, 5)), 1e-7) << name << " at " << temperature;
    }
  }
}

TEST(RowLosses, AreFiniteWithTheirGradientsAtTemperatureOneHundredth) {
  // Rows: the positive best, worst, as good as all, and one negative far above it.
  const auto cosines = torch::tensor(
      {{1.0F, -1.0F, -1.0F, -1.0F}, {-1.0F, 1.0F, 1.0F, 1.0F}, {0.5F, 0.5F, 0.5F, 0.5F}, {-1.0F, 1.0F, -1.0F, 0.0F}});
  auto columns = first_of(4);
  columns.positive = columns.positive.repeat({4, 1});
  for (const auto& [name, loss] : row_losses()) {
    const auto leaf = cosines.clone().set_requires_grad(true);
    const auto rows = loss(leaf, columns, 0.01);
    ASSERT_EQ(rows.sizes(), (std::vector<std::int64_t>{4})) << name;
    EXPECT_EQ(rows.scalar_type(), torch::kFloat32) << name;
    EXPECT_TRUE(rows.isfinite().all().item<bool>()) << name << rows;
    rows.sum().backward();
    EXPECT_TRUE(leaf.grad().isfinite().all().item<bool>()) << name << leaf.grad();
  }
}

TEST(RowLosses, DoNotSeeColumnsLeftOutWhateverTheyHold) {
  const auto cosines = drawn_cosines(3, 4).to(torch::kFloat32);
  ContrastColumns columns{.positive = torch::eye(4, torch::kBool).narrow(0, 0, 3)};
  ContrastColumns wider = columns;
  // Said to be positive and left out: left out it is.
  wider.positive = torch::cat({columns.positive, torch::ones({3, 1}, torch::kBool)}, 1);
  wider.left_out = torch::cat({torch::zeros({3, 4}, torch::kBool), torch::ones({3, 1}, torch::kBool)}, 1);
  for (const auto& [name, loss] : row_losses()) {
    for (const float held : {0.9F, kOut}) {
      const auto leaf = torch::cat({cosines, torch::full({3, 1}, held)}, 1).set_requires_grad(true);
      const auto rows = loss(leaf, wider, 0.1);
      EXPECT_TRUE(torch::allclose(rows, loss(cosines, columns, 0.1))) << name;
      rows.sum().backward();
      EXPECT_TRUE(leaf.grad().isfinite().all().item<bool>()) << name;
      EXPECT_EQ(number(leaf.grad().narrow(1, 4, 1).abs().sum()), 0) << name;
    }
  }
}

TEST(RowLosses, GiveARowOfOnlyItsPositiveNothingToPushAway) {
  auto columns = first_of(3);
  columns.left_out = torch::tensor({{false, true, true}});
  for (const auto& [name, loss] : row_losses()) {
    const auto leaf = torch::tensor({{0.3F, 0.9F, -0.2F}}).set_requires_grad(true);
    const auto rows = loss(leaf, columns, 0.01);
    EXPECT_TRUE(rows.isfinite().all().item<bool>()) << name;
    if (name != "siglip" && name.find("rince") == std::string::npos) {
      EXPECT_NEAR(number(rows), 0, 1e-6) << name;
    }
    rows.sum().backward();
    EXPECT_TRUE(leaf.grad().isfinite().all().item<bool>()) << name;
  }
}

TEST(RowLosses, CountAKeyOfLogWeightTwoAsTwoOfIt) {
  const auto twice = torch::tensor({{0.4F, -0.2F, 0.1F, 0.1F}});
  const auto once = twice.narrow(1, 0, 3);
  auto weighted = first_of(3);
  weighted.log_weight = torch::tensor({0.0F, 0.0F, kLn2});
  for (const auto& [name, loss] : row_losses()) {
    if (name.find("complementary") != std::string::npos) continue;  // a sum over columns, not over weights
    EXPECT_TRUE(torch::allclose(loss(once, weighted, 0.3), loss(twice, first_of(4), 0.3))) << name;
  }
}

TEST(RowLosses, RefuseARowWithoutAPositiveAndShapesThatDoNotFit) {
  const ContrastColumns none{.positive = torch::zeros({1, 3}, torch::kBool)};
  auto gone = first_of(3);
  gone.left_out = gone.positive;
  EXPECT_THROW(rince(half_and_quarters(), none, 0.5, 1, 1), c10::Error);
  EXPECT_THROW(complementary_tan(half_and_quarters(), gone), c10::Error);
  EXPECT_THROW(triplet_alignment_loss(half_and_quarters(), first_of(4), 0.1, 0.1), c10::Error);
  auto short_weights = first_of(3);
  short_weights.log_weight = torch::zeros({2});
  EXPECT_THROW(complementary_log(half_and_quarters(), short_weights), c10::Error);
}

// --- InfoNCE ---

TEST(InfoNce, IsTheCrossEntropyOfEachRow) {
  // -log(1/2) = ln 2 for the first column; half of it each for the first two: (ln 2 + ln 4) / 2.
  const auto logits = half_and_quarters().repeat({2, 1});
  const auto rows = info_nce(logits, torch::tensor({{1.0F, 0.0F, 0.0F}, {0.5F, 0.5F, 0.0F}}));
  EXPECT_TRUE(torch::allclose(rows, torch::tensor({kLn2, 1.5F * kLn2})));
}

TEST(InfoNce, HasTheSoftCrossEntropyAsItsMean) {
  const auto logits = drawn_cosines(4, 6) * 10;
  const auto targets = torch::softmax(drawn_cosines(4, 6) * 3, 1);
  EXPECT_EQ(number(info_nce(logits, targets).mean()), number(-(targets * torch::log_softmax(logits, 1)).sum(1).mean()));
}

TEST(InfoNce, IsTheEntropyOfAnEvenChoice) {
  const auto logits = torch::zeros({2, 4});
  EXPECT_NEAR(info_nce(logits, torch::eye(4).narrow(0, 0, 2)).mean().item<double>(), std::log(4.0), 1e-6);
  EXPECT_NEAR(info_nce(logits, torch::full({2, 4}, 0.25)).mean().item<double>(), std::log(4.0), 1e-6);
}

TEST(InfoNce, LeavesOutColumnsAtMinusInfinity) {
  const float out = -std::numeric_limits<float>::infinity();
  const auto logits = torch::tensor({{0.0F, 0.0F, out}}).set_requires_grad(true);
  const auto loss = info_nce(logits, torch::tensor({{1.0F, 0.0F, 0.0F}})).mean();
  EXPECT_NEAR(loss.item<double>(), std::log(2.0), 1e-6);
  loss.backward();
  EXPECT_TRUE(logits.grad().isfinite().all().item<bool>());
}

TEST(InfoNce, CountsOldKeysLess) {
  // weights 1, 1/2, 1/2: p = 1 / 2
  const auto rows =
      info_nce(torch::zeros({1, 3}), torch::tensor({{1.0F, 0.0F, 0.0F}}), {}, torch::tensor({0.0F, -kLn2, -kLn2}));
  EXPECT_NEAR(number(rows), std::log(2.0), 1e-6);
}

TEST(InfoNce, OfOrthonormalPairsIsNearlyZero) {
  // 128 pairs at 0.07: ln(1 + 127 e^(-1 / 0.07)) = 7.93e-5
  const auto rows = info_nce(torch::eye(128, torch::kFloat64) / 0.07, torch::eye(128, torch::kFloat64));
  EXPECT_NEAR(number(rows.mean()), std::log1p(127 * std::exp(-1 / 0.07)), 1e-12);
  EXPECT_NEAR(number(rows.mean()), 7.93e-5, 1e-7);
}

// --- SigLIP ---

TEST(Siglip, AsksAYesNoQuestionForEachPair) {
  // logits 2 * (0.5, -0.5) + 1 = (2, 0): ln(1 + e^-2) + ln(1 + e^0) = 0.126928 + 0.693147
  const auto rows =
      siglip(torch::tensor({{0.5F, -0.5F}}), torch::tensor({2.0F}), torch::tensor({1.0F}), first_of(2), 2);
  EXPECT_NEAR(number(rows), 0.820075, 1e-5);
}

TEST(Siglip, IsThePapersSumOverABatch) {
  const auto cosines = drawn_cosines(5, 5);
  const auto scale = torch::tensor({10.0}, torch::kFloat64);
  const auto bias = torch::tensor({-3.0}, torch::kFloat64);
  const auto rows = siglip(cosines, scale, bias, {.positive = torch::eye(5, torch::kBool)}, 5);
  const auto z = torch::eye(5, torch::kFloat64) * 2 - 1;
  EXPECT_TRUE(torch::allclose(rows, -torch::log_sigmoid(z * (cosines * scale + bias)).sum(1)));
}

TEST(Siglip, KeepsTheRatioOfABatchHoweverManyKeysTheBankAdds) {
  const auto scale = torch::tensor({5.0F});
  const auto bias = torch::tensor({-1.0F});
  const auto few = torch::tensor({{0.6F, 0.1F, -0.3F}});
  const auto bank = torch::cat({few, few.narrow(1, 1, 2).repeat({1, 50})}, 1);
  EXPECT_TRUE(torch::allclose(siglip(bank, scale, bias, first_of(103), 3), siglip(few, scale, bias, first_of(3), 3)));
}

TEST(Siglip, TeachesItsScaleAndBias) {
  const auto cosines = drawn_cosines(3, 5);
  const auto columns = batch_and_bank();
  const auto of_both = [&](const torch::Tensor& both) { return siglip(cosines, both[0], both[1], columns, 8).sum(); };
  EXPECT_LT(gradient_gap(of_both, torch::tensor({4.0, -2.0})), 1e-7);
}

// --- RINCE ---

TEST(Rince, IsADifferenceOfPowers) {
  const auto logits = torch::zeros({1, 2});  // e = 1, 1
  // q = 1: -1 + 2 lambda
  EXPECT_NEAR(number(rince(logits, first_of(2), 1, 1, 0)), 1, 1e-6);
  EXPECT_NEAR(number(rince(logits, first_of(2), 1, 0.25, 0)), -0.5, 1e-6);
  // q = 1/2: (-1 + sqrt 2) / 0.5 = 0.828427, and half of it when scaled by exp(-ln 4 / 2)
  EXPECT_NEAR(number(rince(logits, first_of(2), 0.5, 1, 0)), 0.828427, 1e-5);
  EXPECT_NEAR(number(rince(logits, first_of(2), 0.5, 1, 2 * kLn2)), 0.414214, 1e-5);
}

TEST(Rince, IsInfoNceWhenQGoesToZero) {
  const auto logits = drawn_cosines(3, 5) / 0.1;
  const auto columns = batch_and_bank();
  auto targets = columns.positive.to(torch::kFloat64);
  targets = targets / targets.sum(1, true);
  const auto limit = info_nce(logits, targets, columns.left_out, columns.log_weight);
  EXPECT_TRUE(torch::allclose(rince(logits, columns, 1e-9, 1, 10), limit, 1e-6));
  EXPECT_TRUE(torch::allclose(rince(logits, columns, 1e-9, 0.01, 10), limit + std::log(0.01), 1e-6, 1e-6));
  // in float too, where the difference of powers would have lost every digit
  EXPECT_TRUE(
      torch::allclose(rince(logits.to(torch::kFloat32), columns, 1e-6, 1, 10), limit.to(torch::kFloat32), 1e-4));
}

TEST(Rince, IsLinearInTheExponentialsAtOne) {
  // lambda 1/4: -(1 - 1/4) e^1 + 1/4 (e^0.5 + e^-1) = -2.038711 + 0.412180 + 0.091970
  const auto logits = torch::tensor({{1.0F, 0.5F, -1.0F}});
  EXPECT_NEAR(number(rince(logits, first_of(3), 1, 0.25, 0)), -1.534561, 1e-5);
}

TEST(Rince, AveragesOverSeveralPositives) {
  // e = 1, 4, 1 with the first two positive, q = 1/2, lambda 1: (-(1 + 2) / 2 + sqrt 6) / 0.5 = 1.898979
  auto columns = first_of(3);
  columns.positive[0][1] = true;
  EXPECT_NEAR(number(rince(torch::tensor({{0.0F, 2 * kLn2, 0.0F}}), columns, 0.5, 1, 0)), 1.898979, 1e-5);
}

TEST(Rince, LearnsLittleFromPairsFarApart) {
  // A wrong pair at cosine -0.5 pulls less than a good one at 0.5; InfoNCE pulls at it hardest.
  const auto pull_at = [](float cosine) {
    const auto leaf = torch::tensor({{cosine, 0.0F, 0.1F}}).set_requires_grad(true);
    rince(leaf / 0.2, first_of(3), 0.6, 0.01, 5).sum().backward();
    return std::abs(leaf.grad()[0][0].item<double>());
  };
  EXPECT_LT(pull_at(-0.5F), 0.2 * pull_at(0.5F));
}

// --- RCL ---

TEST(ComplementaryLosses, SumOverNegativesOnly) {
  const auto logits = half_and_quarters();
  const auto columns = first_of(3);
  EXPECT_NEAR(number(complementary_log(logits, columns)), 2 * std::log(4.0 / 3), 1e-6);
  EXPECT_NEAR(number(complementary_gce(logits, columns, 0.5)), 4 * (1 - std::sqrt(0.75)), 1e-6);
  EXPECT_NEAR(number(complementary_tan(logits, columns)), 2 * std::tan(0.25), 1e-6);
  EXPECT_NEAR(number(complementary_exp(logits, columns)), 2 * std::exp(-0.75), 1e-6);
  EXPECT_NEAR(number(complementary_mae(logits, columns)), 0.5, 1e-6);
}

TEST(ComplementaryLosses, MeetAtTheEndsOfGce) {
  const auto logits = drawn_cosines(3, 5) / 0.2;
  const auto columns = batch_and_bank();
  EXPECT_TRUE(torch::allclose(complementary_gce(logits, columns, 1), complementary_mae(logits, columns)));
  EXPECT_TRUE(torch::allclose(complementary_gce(logits, columns, 1e-8), complementary_log(logits, columns), 1e-6));
}

TEST(ComplementaryLosses, StayBoundedForAHopelessRowAndTheLogarithmKeepsItsGradient) {
  // A negative at cosine 1, the positive at -1, temperature 0.01: 1 - p = 2 e^-200, lost in any float.
  const auto logits = torch::tensor({{-100.0F, 100.0F, -100.0F}}).set_requires_grad(true);
  const auto columns = first_of(3);
  EXPECT_NEAR(number(complementary_mae(logits, columns)), 1, 1e-6);
  EXPECT_NEAR(number(complementary_tan(logits, columns)), std::tan(1.0), 1e-6);
  EXPECT_NEAR(number(complementary_gce(logits, columns, 0.5)), 2, 1e-6);
  const auto loss = complementary_log(logits, columns);
  EXPECT_NEAR(number(loss), 200 - std::log(2.0), 1e-4);
  loss.backward();
  EXPECT_TRUE(torch::allclose(logits.grad(), torch::tensor({{-0.5F, 1.0F, -0.5F}})));
}

// --- TAL ---

TEST(TripletAlignmentLoss, PutsTheSmoothMaximumOfNegativesAgainstThePositive) {
  const auto cosines = torch::tensor({{0.5F, 0.2F, 0.2F}});
  // 0.1 - 0.5 + (0.2 + ln 2)
  EXPECT_NEAR(number(triplet_alignment_loss(cosines, first_of(3), 1, 0.1)), 0.493147, 1e-6);
  // 0.1 - 0.5 + (0.2 + 0.1 ln 2) < 0
  EXPECT_EQ(number(triplet_alignment_loss(cosines, first_of(3), 0.1, 0.1)), 0);
}

TEST(TripletAlignmentLoss, IsTheHardestTripletWhenTheTemperatureGoesToZero) {
  const auto cosines = torch::tensor({{0.1F, 0.3F, -0.6F, 0.25F}});
  EXPECT_NEAR(number(triplet_alignment_loss(cosines, first_of(4), 1e-3, 0.1)), 0.1 - 0.1 + 0.3, 1e-6);
}

TEST(TripletAlignmentLoss, WeighsPositivesBySoftmaxWithoutGradientThroughTheWeights) {
  // S / t = (ln 3, 0) at t = 0.5: weights 3/4 and 1/4, which are also the gradients
  auto columns = first_of(3);
  columns.positive[0][1] = true;
  const float own = 0.5F * std::log(3.0F);
  const auto leaf = torch::tensor({{own, 0.0F, 0.0F}}).set_requires_grad(true);
  const auto loss = triplet_alignment_loss(leaf, columns, 0.5, 1);
  EXPECT_NEAR(number(loss), 1 - 0.75 * own, 1e-6);
  loss.backward();
  EXPECT_TRUE(torch::allclose(leaf.grad(), torch::tensor({{-0.75F, -0.25F, 1.0F}})));
}

// --- CyCLIP ---

TEST(Consistency, ComparesPicturesWithTheirTexts) {
  // off the diagonal 0.5 against 0.2: 0.3^2 in each row
  const auto image_image = torch::tensor({{1.0F, 0.5F}, {0.5F, 1.0F}});
  const auto text_text = torch::tensor({{1.0F, 0.2F}, {0.2F, 1.0F}});
  EXPECT_TRUE(torch::allclose(in_modal_consistency(image_image, text_text), torch::tensor({0.09F, 0.09F})));
  EXPECT_EQ(number(in_modal_consistency(image_image, image_image).sum()), 0);
}

TEST(Consistency, ComparesBothWaysAcrossModalities) {
  // <I_0, T_1> = 0.5, <I_1, T_0> = 0.2: the sum over the batch 2 * 0.09, divided by n = 2
  const auto image_text = torch::tensor({{0.9F, 0.5F}, {0.2F, 0.8F}});
  EXPECT_TRUE(torch::allclose(cross_modal_consistency(image_text), torch::tensor({0.09F, 0.09F})));
  EXPECT_NEAR(number(cross_modal_consistency(image_text).mean()), 0.09, 1e-6);
  EXPECT_EQ(number(cross_modal_consistency(image_text + image_text.t()).sum()), 0);
}

TEST(Consistency, HasTheGradientOfFiniteDifferences) {
  const auto texts = drawn_cosines(4, 4);
  const auto weights = torch::tensor({1.0, 0.5, 0.0, 2.0}, torch::kFloat64);
  EXPECT_LT(gradient_gap([&](const auto& images) { return (in_modal_consistency(images, texts) * weights).sum(); },
                         texts.flip(0)),
            1e-7);
  EXPECT_LT(gradient_gap([&](const auto& both) { return (cross_modal_consistency(both) * weights).sum(); }, texts),
            1e-7);
}

}  // namespace
}  // namespace warifu
