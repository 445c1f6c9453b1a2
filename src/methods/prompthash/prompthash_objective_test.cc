#include <gtest/gtest.h>

#include <cmath>

#include "methods/prompthash/objective.h"
#include "nn/gradient_check.h"

namespace warifu {
namespace {

// Two items of two classes, codes of one bit and an auxiliary one of one bit.
class PromptHashTermsTest : public testing::Test {
 protected:
  PromptHashTermsTest() {
    batch_.outputs.image = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
    batch_.outputs.text = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
    batch_.image = torch::tensor({{0.5F, 1.0F}, {-0.5F, -1.0F}});
    batch_.text = torch::tensor({{1.0F, 1.0F}, {-1.0F, -1.0F}});
    batch_.both = torch::tensor({{1.0F, 1.0F}});
    batch_.labels = torch::eye(2);
    batch_.similar = torch::eye(2);
    batch_.image_buffer = torch::tensor({{1.0F, 1.0F}});
    batch_.text_buffer = torch::tensor({{-1.0F, 1.0F}});
    batch_.buffer_similar = torch::tensor({{1.0F, 0.0F}});
    batch_.targets = torch::tensor({{1.0F, 1.0F}, {-1.0F, -1.0F}});
    batch_.decoded = {torch::tensor({{1.0F}, {-1.0F}}), torch::tensor({{0.0F}, {-1.0F}})};
  }

  PromptHashTerms terms() const { return prompthash_terms(batch_, words_, {1, 1}, settings_); }

  PromptHashBatch batch_;
  std::vector<torch::Tensor> words_ = {torch::tensor({{1.0F}, {-1.0F}}), torch::tensor({{1.0F}, {-1.0F}})};
  PromptHashSettings settings_;
};

double log_of_exp_plus_one(double x) { return std::log1p(std::exp(x)); }

TEST_F(PromptHashTermsTest, ClassLossIsTheCrossEntropyOverCodeWords) {
  settings_.class_weight = 1;
  settings_.class_scale = 2;
  settings_.class_smoothing = 0;
  settings_.both_weight = 0.5;
  // Logits of a code h are (2h, -2h): the loss of the own class is log(1 + exp(-4 |h|)).
  const double one = log_of_exp_plus_one(-4), half = log_of_exp_plus_one(-2);
  const double expected = ((half + one + 0.5 * one) + (one + one + 0.5 * one)) / 2;
  EXPECT_NEAR(terms().classes.item<double>(), expected, 1e-6);
}

TEST_F(PromptHashTermsTest, ItemsWithoutALabelTeachNoClass) {
  settings_.class_weight = 1;
  settings_.class_scale = 2;
  settings_.class_smoothing = 0;
  settings_.both_weight = 0;
  batch_.labels = torch::tensor({{1.0F, 0.0F}, {0.0F, 0.0F}});
  batch_.image[1].fill_(0.3F);  // whatever it is
  const double one = log_of_exp_plus_one(-4), half = log_of_exp_plus_one(-2);
  EXPECT_NEAR(terms().classes.item<double>(), ((half + one) + (one + one)) / 2, 1e-6);
}

TEST_F(PromptHashTermsTest, LikelihoodComparesCodesWithTheBuffersOfTheOtherHalf) {
  settings_.likelihood_weight = 1;
  settings_.intra_share = 0;
  // s = u h / 2; similar to the first item, not to the second: softplus(s) - s for it, softplus(s) for the other.
  const double text_to_images = (log_of_exp_plus_one(-0.5) + log_of_exp_plus_one(-0.5)) / 2;
  const double first_length = text_to_images + (log_of_exp_plus_one(0.25) + log_of_exp_plus_one(0.25)) / 2;
  const double second_length = 2 * text_to_images;
  EXPECT_NEAR(terms().likelihood.item<double>(), (first_length + second_length) / 2, 1e-6);
  settings_.intra_share = 1;
  EXPECT_GT(terms().likelihood.item<double>(), (first_length + second_length) / 2 + 0.1);
}

TEST_F(PromptHashTermsTest, QuantizationAndReconstructionAreMeanSquares) {
  settings_.quantization_weight = 1;
  settings_.reconstruction_weight = 1;
  settings_.auxiliary_weight = 3;                                     // the auxiliary codes are their targets already
  EXPECT_NEAR(terms().quantization.item<double>(), 0.25 / 2, 1e-6);   // images half a bit off, one of two lengths
  EXPECT_NEAR(terms().reconstruction.item<double>(), 0.5 / 2, 1e-6);  // one text of two decoded to 0
}

TEST_F(PromptHashTermsTest, AffinityContrastTellsItemsApartAndKnowsThoseOfOneLabel) {
  settings_.global_weight = 1;
  settings_.temperature = 0.5;
  EXPECT_NEAR(terms().global.item<double>(), log_of_exp_plus_one(-2), 1e-6);
  EXPECT_FALSE(terms().local.defined());  // no prompt
  batch_.similar = torch::ones({2, 2});
  EXPECT_NEAR(terms().global.item<double>(), log_of_exp_plus_one(-2) + 1, 1e-6);  // half the target is far by 2
}

TEST_F(PromptHashTermsTest, LocalContrastMeetsTheOtherHalfsPrompt) {
  settings_.local_weight = 1;
  settings_.temperature = 0.5;
  batch_.outputs.text_prompt = batch_.outputs.image;  // as alike as can be: the temperature stays
  EXPECT_NEAR(terms().local.item<double>(), log_of_exp_plus_one(-2), 1e-5);
  settings_.pacl = "no";
  EXPECT_FALSE(terms().local.defined() || terms().global.defined());
}

TEST_F(PromptHashTermsTest, AffinitiesAreTaughtByTheLabels) {
  settings_.affinity_weight = 1;
  settings_.class_smoothing = 0;
  batch_.outputs.image_affinity = torch::tensor({{2.0F, 0.0F}, {0.0F, 2.0F}});
  EXPECT_NEAR(terms().affinity.item<double>(), log_of_exp_plus_one(-2), 1e-6);
}

TEST_F(PromptHashTermsTest, HaveTheGradientOfTheirDifferences) {
  torch::manual_seed(1);
  const auto drawn = [](torch::IntArrayRef shape) { return torch::rand(shape, torch::kFloat64) - 0.5; };
  batch_.outputs = {.image = drawn({2, 3}),
                    .text = drawn({2, 3}),
                    .both = {},
                    .image_prompt = drawn({2, 3}),
                    .text_prompt = drawn({2, 3}),
                    .image_affinity = drawn({2, 2}),
                    .text_affinity = drawn({2, 2})};
  for (auto* tensor : {&batch_.image, &batch_.text, &batch_.both, &batch_.labels, &batch_.similar, &batch_.image_buffer,
                       &batch_.text_buffer, &batch_.buffer_similar, &batch_.targets, &batch_.decoded[0],
                       &batch_.decoded[1], &words_[0], &words_[1]})
    *tensor = tensor->to(torch::kFloat64);
  const auto of_codes = [&](const torch::Tensor& codes) {
    PromptHashBatch batch = batch_;
    batch.image = codes;
    return prompthash_terms(batch, words_, {1, 1}, settings_).sum();
  };
  EXPECT_LT(gradient_gap(of_codes, drawn({2, 2})), 1e-6);
  const auto of_outputs = [&](const torch::Tensor& rows) {
    PromptHashBatch batch = batch_;
    batch.outputs.text = rows;
    batch.outputs.text_affinity = rows.narrow(1, 0, 2);
    return prompthash_terms(batch, words_, {1, 1}, settings_).sum();
  };
  // The temperature of the local contrast follows the rows without a gradient: it is held out here.
  settings_.local_weight = 0;
  EXPECT_LT(gradient_gap(of_outputs, drawn({2, 3})), 1e-6);
}

}  // namespace
}  // namespace warifu
