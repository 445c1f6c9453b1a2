#include "methods/contrastive/objective.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/gradient_check.h"

namespace warifu {
namespace {

// Settings under which only the contrast within the batch is left.
ContrastiveSettings plain() {
  ContrastiveSettings settings;
  settings.quantization_weight = 0;
  return settings;
}

PairBatch batch_of(const torch::Tensor& image, const torch::Tensor& text) {
  return {image, text, image.detach(), text.detach(), torch::arange(image.size(0), torch::kInt64), {}};
}

torch::Tensor objective(const PairBatch& batch, const NegativeBank* bank, double share,
                        const ContrastiveSettings& settings, const std::vector<std::uint32_t>& bits = {2}) {
  const ObjectivePlace place{bank, torch::full({1}, 0.5), torch::zeros({1}), share, 10, 100.0};
  return contrastive_objective(batch, place, bits, settings);
}

TEST(ContrastiveObjective, IsInfoNceByHand) {
  // Two pairs at right angles: cosine 1 with the own half, 0 with the other; temperature 0.5.
  const auto codes = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  const double expected = std::log(1 + std::exp(-2.0));
  EXPECT_NEAR(objective(batch_of(codes, codes), nullptr, 0, plain()).item<double>(), expected, 1e-6);
}

TEST(ContrastiveObjective, AveragesTheCodeLengths) {
  const auto codes = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  const auto twice = torch::cat({codes, codes}, 1);
  EXPECT_NEAR(objective(batch_of(twice, twice), nullptr, 0, plain(), {2, 2}).item<double>(),
              objective(batch_of(codes, codes), nullptr, 0, plain()).item<double>(), 1e-6);
}

TEST(ContrastiveObjective, CountsBankKeysAsNegatives) {
  const auto codes = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  ContrastiveSettings settings = plain();
  settings.bank_share = 1;
  NegativeBank bank(4, 2);
  // Opposite to pair 0, at right angles to pair 1; made now, so no age.
  bank.enqueue(torch::tensor({{-1.0F, 0.0F}}), torch::tensor({{-1.0F, 0.0F}}), torch::tensor({7L}), 10);
  const double row0 = std::log(1 + std::exp(-2.0) + std::exp(-4.0));
  const double row1 = std::log(1 + std::exp(-2.0) + std::exp(-2.0));
  EXPECT_NEAR(objective(batch_of(codes, codes), &bank, 0, settings).item<double>(), (row0 + row1) / 2, 1e-6);
}

TEST(ContrastiveObjective, DoesNotPushAwayABankKeyWhosePairIsAlike) {
  const auto codes = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  ContrastiveSettings settings = plain();
  settings.bank_share = 1;
  NegativeBank bank(4, 2);
  bank.enqueue(torch::tensor({{1.0F, 0.0F}}), torch::tensor({{1.0F, 0.0F}}), torch::tensor({7L}), 10);
  settings.mask_above = 0.9;  // item 7 is left out for pair 0; for pair 1 it is one more negative
  const double row0 = std::log(1 + std::exp(-2.0));
  const double row1 = std::log(1 + 2 * std::exp(-2.0));
  EXPECT_NEAR(objective(batch_of(codes, codes), &bank, 0, settings).item<double>(), (row0 + row1) / 2, 1e-6);
}

TEST(ContrastiveObjective, DoesNotPushAwayAKeyOfTheBatchWhosePairIsAlikeEither) {
  const auto codes = torch::tensor({{1.0F, 0.0F}, {1.0F, 0.0F}, {0.0F, 1.0F}});
  ContrastiveSettings settings = plain();
  settings.mask_above = 0.9;  // pairs 0 and 1 are no negatives of each other
  const double alone = std::log(1 + std::exp(-2.0));
  const double third = std::log(1 + 2 * std::exp(-2.0));
  EXPECT_NEAR(objective(batch_of(codes, codes), nullptr, 0, settings).item<double>(), (2 * alone + third) / 3, 1e-6);
}

TEST(ContrastiveObjective, TeachesNothingByPairsThatAreAllWrong) {
  auto image = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}}).set_requires_grad(true);
  auto batch = batch_of(image, torch::tensor({{0.0F, 1.0F}, {1.0F, 0.0F}}));
  batch.clean = torch::zeros({2});
  objective(batch, nullptr, 0, plain()).backward();
  EXPECT_EQ(image.grad().abs().max().item<double>(), 0);
}

TEST(ContrastiveObjective, TakesAnOldKeyOfTheSameItemAsAPositive) {
  const auto codes = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  ContrastiveSettings settings = plain();
  settings.bank_share = 1;
  NegativeBank bank(4, 2);
  bank.enqueue(codes.narrow(0, 0, 1), codes.narrow(0, 0, 1), torch::tensor({0L}), 10);
  // Pair 0 sees two positives, half the target each: log(2 + e^-2); pair 1 one negative more.
  const double row0 = std::log(2 + std::exp(-2.0));
  const double row1 = std::log(1 + 2 * std::exp(-2.0));
  EXPECT_NEAR(objective(batch_of(codes, codes), &bank, 0, settings).item<double>(), (row0 + row1) / 2, 1e-6);
}

TEST(ContrastiveObjective, LetsAPairThatIsProbablyWrongTeachLess) {
  const auto image = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  const auto text = torch::tensor({{1.0F, 0.0F}, {-1.0F, 0.0F}});
  auto batch = batch_of(image, text);
  // Row losses by hand at temperature 0.5. Pair 0: picture log(1 + e^-4), text log(1 + e^-2).
  // Pair 1: picture log(1 + e^0), text log(1 + e^-2): its own has cosine 0, the other picture -1.
  const double first = (std::log1p(std::exp(-4.0)) + std::log1p(std::exp(-2.0))) / 2;
  const double second = (std::log(2.0) + std::log1p(std::exp(-2.0))) / 2;
  EXPECT_NEAR(objective(batch, nullptr, 0, plain()).item<double>(), (first + second) / 2, 1e-6);
  batch.clean = torch::tensor({1.0F, 0.25F});
  EXPECT_NEAR(objective(batch, nullptr, 0, plain()).item<double>(), (first + 0.25 * second) / 1.25, 1e-6);
}

TEST(ContrastiveObjective, TakesWhoeverSharesALabelForAPositiveByHand) {
  // Three labelled items, the first two alike by label; codes as in two of the corners.
  const auto codes = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}, {0.0F, 1.0F}});
  const auto texts = torch::tensor({{1.0F, 0.0F}, {1.0F, 0.0F}, {0.0F, 1.0F}});
  auto batch = batch_of(codes, codes);
  const double pairs = objective(batch, nullptr, 0, plain()).item<double>();
  batch.labelled = {.image = codes,
                    .text = texts,
                    .alike = torch::tensor({{1.0F, 1.0F, 0.0F}, {1.0F, 1.0F, 0.0F}, {0.0F, 0.0F, 1.0F}}),
                    .clean = {},
                    .weight = 0.5};
  // Temperature 0.5, so logits are 2 or 0: of pictures (2, 2, 0), (0, 0, 2), (0, 0, 2), of texts (2, 0, 0), (2, 0, 0),
  // (0, 2, 2); a row's loss is the log of the sum of exponentials less the mean of its positives.
  const double two = std::log(2 * std::exp(2.0) + 1), one = std::log(std::exp(2.0) + 2);  // by how many logits are 2
  const double by_labels = ((two - 2) + one + (one - 2) + (one - 1) + (one - 1) + (two - 2)) / 6;
  EXPECT_NEAR(objective(batch, nullptr, 0, plain()).item<double>(), 0.75 * pairs + 0.5 * by_labels, 1e-6);
  // A pair that is wrong neither learns nor is anybody's positive.
  batch.labelled.clean = torch::tensor({1.0F, 0.0F, 0.0F});
  EXPECT_NEAR(objective(batch, nullptr, 0, plain()).item<double>(), 0.75 * pairs + 0.5 * ((two - 2) + (one - 2)) / 2,
              1e-6);
}

TEST(ContrastiveObjective, KnowsEveryLossByName) {
  const auto codes = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  const auto swapped = codes.flip(0);
  for (const char* loss : {"infonce", "siglip", "rince", "rcl-log", "rcl-gce", "rcl-tan", "tal"}) {
    ContrastiveSettings settings = plain();
    settings.loss = loss;
    EXPECT_LT(objective(batch_of(codes, codes), nullptr, 0, settings).item<double>(),
              objective(batch_of(codes, swapped), nullptr, 0, settings).item<double>())
        << loss << " prefers wrong pairs";
  }
}

TEST(ContrastiveObjective, HasTheGradientOfItsDifferences) {
  torch::manual_seed(4);
  ContrastiveSettings settings;
  settings.uniformity_weight = 0.3;
  settings.consistency_weight = 0.2;
  const auto text = torch::tanh(torch::randn({3, 4}, torch::kFloat64));
  const auto teacher = torch::tanh(torch::randn({3, 4}, torch::kFloat64));
  const auto at = [&](const torch::Tensor& image) {
    const PairBatch batch{image,
                          text,
                          teacher,
                          teacher,
                          torch::arange(3, torch::kInt64),
                          torch::tensor({1.0, 0.5, 0.2}, torch::kFloat64),
                          {.image = image,
                           .text = text,
                           .alike = torch::tensor({{1.0, 1.0, 0.0}, {1.0, 1.0, 0.0}, {0.0, 0.0, 1.0}}, torch::kFloat64),
                           .clean = {},
                           .weight = 0.4}};
    const ObjectivePlace place{
        nullptr, torch::full({1}, 0.4, torch::kFloat64), torch::zeros({1}, torch::kFloat64), 0.5, 10, 100.0};
    return contrastive_objective(batch, place, {4}, settings);
  };
  EXPECT_LT(gradient_gap(at, torch::tanh(torch::randn({3, 4}, torch::kFloat64))), 1e-6);
}

TEST(PairRetrievalScore, IsOneWhenEveryPairIsNearest) {
  const auto codes = torch::tensor({{1.0F, 1.0F}, {1.0F, -1.0F}, {-1.0F, 1.0F}});
  EXPECT_DOUBLE_EQ(pair_retrieval_score(codes, codes), 1);
}

TEST(PairRetrievalScore, CountsTiesInTheMiddle) {
  const auto same = torch::ones({3, 4});
  EXPECT_DOUBLE_EQ(pair_retrieval_score(same, same), 0.5);  // rank 2 of 3
}

TEST(PairRetrievalScore, IsZeroForNoPairs) {
  EXPECT_EQ(pair_retrieval_score(torch::ones({0, 4}), torch::ones({0, 4})), 0);
}

}  // namespace
}  // namespace warifu
