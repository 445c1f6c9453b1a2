#include <gtest/gtest.h>

#include <cmath>

#include "methods/dmmh/objective.h"
#include "nn/gradient_check.h"

namespace warifu {
namespace {

// Two items of two values of one column, codes of two bits.
class DmmhTermsTest : public testing::Test {
 protected:
  DmmhTermsTest() {
    batch_.relaxed = torch::tensor({{0.6F, 0.8F}, {-0.8F, 0.6F}});  // at right angles
    batch_.class_logits = torch::zeros({2, 2});
    batch_.words = torch::tensor({{3.0F, 0.0F}, {0.0F, 2.0F}});
    batch_.labels = torch::eye(2);
    batch_.column_of_value = torch::zeros({2}, torch::kInt64);
    settings_.word_scale = 5;
    settings_.word_smoothing = 0;
  }

  DmmhTerms terms() const { return dmmh_terms(batch_, settings_); }

  DmmhBatch batch_;
  DmmhSettings settings_;
};

// - log of the softmax share of `own` beside `other`
double cross_entropy(double own, double other) { return std::log1p(std::exp(other - own)); }

TEST_F(DmmhTermsTest, CosinesOfCodesAreDrawnToTheSigmoidOfSharedLabels) {
  // cos is 1 with itself, where the target is 2 sigmoid(1) - 1 = .4621; 0 with the other, which is right.
  const double gap = 1 - 0.46211716;
  EXPECT_NEAR(terms().similarity.item<double>(), 2 * gap * gap / 4, 1e-6);
}

TEST_F(DmmhTermsTest, ClassifierIsTheMeanSquareOfItsSigmoidAndTheLabels) {
  EXPECT_NEAR(terms().classifier.item<double>(), 0.25, 1e-6);  // a half off everywhere
}

TEST_F(DmmhTermsTest, WordsAreTheCrossEntropyOfCosinesWithinAColumn) {
  // Cosines with the words: (.6, .8) and (-.8, .6), times 5.
  const double expected = (cross_entropy(3, 4) + cross_entropy(3, -4)) / 2;
  EXPECT_NEAR(terms().words.item<double>(), expected, 1e-6);
}

TEST_F(DmmhTermsTest, ColumnsDoNotCompeteAndItemsWithoutALabelOfOneTeachItNothing) {
  // Two columns of two values; the second item has no label in the second column.
  batch_.words = torch::tensor({{3.0F, 0.0F}, {0.0F, 2.0F}, {1.0F, 0.0F}, {0.0F, 1.0F}});
  batch_.class_logits = torch::zeros({2, 4});
  batch_.labels = torch::tensor({{1.0F, 0.0F, 0.0F, 1.0F}, {0.0F, 1.0F, 0.0F, 0.0F}});
  batch_.column_of_value = torch::tensor({0, 0, 1, 1}, torch::kInt64);
  const double expected = (cross_entropy(3, 4) + cross_entropy(3, -4) + cross_entropy(4, 3)) / 3;
  EXPECT_NEAR(terms().words.item<double>(), expected, 1e-6);
}

TEST_F(DmmhTermsTest, AColumnOfOneValueTellsNothingApart) {
  batch_.column_of_value = torch::tensor({0, 1}, torch::kInt64);
  EXPECT_EQ(terms().words.item<double>(), 0);
}

TEST_F(DmmhTermsTest, QuantizationIsTheMeanSquaredGapToTheSigns) {
  EXPECT_NEAR(terms().quantization.item<double>(), (0.16 + 0.04 + 0.04 + 0.16) / 4, 1e-6);
}

TEST_F(DmmhTermsTest, AreAddedByTheirWeights) {
  settings_.similarity_weight = 2;
  settings_.classifier_weight = 3;
  settings_.word_weight = 5;
  settings_.quantization_weight = 7;
  const DmmhTerms of = terms();
  const double expected = 2 * of.similarity.item<double>() + 3 * of.classifier.item<double>() +
                          5 * of.words.item<double>() + 7 * of.quantization.item<double>();
  EXPECT_NEAR(of.sum(settings_).item<double>(), expected, 1e-5);
}

TEST_F(DmmhTermsTest, HaveTheGradientOfTheirDifferences) {
  const auto loss = [&](const torch::Tensor& relaxed) {
    DmmhBatch batch = batch_;
    batch.relaxed = relaxed;
    batch.class_logits = relaxed.mm(torch::tensor({{1.0, -2.0}, {0.5, 1.5}}, torch::kFloat64));
    batch.words = batch_.words.to(torch::kFloat64);
    batch.labels = batch_.labels.to(torch::kFloat64);
    return dmmh_terms(batch, settings_).sum(settings_);
  };
  EXPECT_LT(gradient_gap(loss, batch_.relaxed), 1e-6);
}

}  // namespace
}  // namespace warifu
