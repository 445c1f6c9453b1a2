#include <gtest/gtest.h>

#include <cmath>

#include "methods/ccl/model.h"
#include "methods/ccl/objective.h"
#include "nn/gradient_check.h"
#include "nn/losses.h"

namespace warifu {
namespace {

TEST(BalancedSum, WithoutVarianceIsThePlainSum) {
  const std::vector<torch::Tensor> losses = {torch::tensor(2.0), {}, torch::tensor(0.5)};
  EXPECT_DOUBLE_EQ(number(balanced_sum(losses, torch::zeros({3}, torch::kFloat64))), 2.5);
}

TEST(BalancedSum, IsLeastWhereEachTaskWeighsOneOverItsLoss) {
  const std::vector<torch::Tensor> losses = {torch::tensor(4.0, torch::kFloat64), torch::tensor(0.25, torch::kFloat64)};
  auto least = torch::tensor({std::log(4.0), std::log(0.25)}, torch::kFloat64).requires_grad_(true);
  const auto sum = balanced_sum(losses, least);
  EXPECT_NEAR(number(sum), 2 + std::log(4.0) + std::log(0.25), 1e-12);
  sum.backward();
  EXPECT_LT(least.grad().abs().max().item<double>(), 1e-12);
  const auto elsewhere = torch::tensor({0.3, -0.2}, torch::kFloat64);
  EXPECT_GT(number(balanced_sum(losses, elsewhere)), number(sum));
  EXPECT_LT(gradient_gap([&](const auto& s) { return balanced_sum(losses, s); }, elsewhere), 1e-7);
}

TEST(BalancedSum, LeavesATaskThatDoesNotApplyOutWithItsVariance) {
  const auto s = torch::tensor({1.0, 3.0}, torch::kFloat64);
  EXPECT_NEAR(number(balanced_sum({torch::tensor(2.0, torch::kFloat64), {}}, s)), 2 * std::exp(-1.0) + 1, 1e-12);
}

CclBatch small_batch() {
  CclBatch batch;
  batch.image = torch::tensor({{2.0F, 0.0F}, {0.0F, 3.0F}});
  batch.text = torch::tensor({{5.0F, 0.0F}, {1.0F, 0.0F}});
  batch.same = torch::eye(2).to(torch::kBool);
  return batch;
}

TEST(CclTasksTest, PairConstraintLooksAtDirectionsOfAllPairs) {
  CclSettings settings;
  CclBatch batch = small_batch();
  // own halves at distances 0 and sqrt 2; the others at 0 (pushed: 1) and sqrt 2 (far enough)
  EXPECT_NEAR(number(ccl_tasks(batch, settings).pairs), (0 + 2 + 1 + 0) / 4.0, 1e-5);
  batch.labels = torch::tensor({{1.0F}, {1.0F}});
  batch.image_logits = batch.text_logits = torch::zeros({2, 1});
  EXPECT_NEAR(number(ccl_tasks(batch, settings).pairs), (0 + 2 + 0 + 2) / 4.0, 1e-5);
}

TEST(CclTasksTest, WithoutLabelsThereIsNoClassAndWithAllOfThemNoContrast) {
  CclBatch batch = small_batch();
  batch.unlabelled = 1;
  const CclTasks pairs_alone = ccl_tasks(batch, {});
  EXPECT_FALSE(pairs_alone.image_class.defined());
  EXPECT_TRUE(pairs_alone.contrast.defined());
  batch.unlabelled = 0;
  batch.labels = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  batch.image_logits = batch.text_logits = torch::zeros({2, 2});
  const CclTasks labelled = ccl_tasks(batch, {});
  EXPECT_FALSE(labelled.contrast.defined());
  EXPECT_NEAR(number(labelled.image_class), std::log(2.0), 1e-6);
  batch.labels = torch::tensor({{1.0F, 1.0F}, {0.0F, 0.0F}});  // even shares; an item without a label teaches no class
  batch.image_logits = torch::tensor({{0.0F, 0.0F}, {9.0F, -9.0F}});
  EXPECT_NEAR(number(ccl_tasks(batch, {}).image_class), std::log(2.0), 1e-6);
}

TEST(CclCodeLoss, IsLeastForTheCodeWordOfTheClass) {
  CclSettings settings;
  settings.class_smoothing = 0;
  settings.code_scale = 30;
  CclBatch batch = small_batch();
  batch.labels = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  const auto words = torch::tensor({{1.0F, 1.0F, -1.0F, -1.0F}, {-1.0F, 1.0F, 1.0F, -1.0F}});
  batch.image_codes = batch.text_codes = words;
  EXPECT_NEAR(number(ccl_code_loss(batch, {words}, {4}, settings)), 0, 1e-5);
  batch.text_codes = words.flip(0);
  EXPECT_GT(number(ccl_code_loss(batch, {words}, {4}, settings)), 10);
}

TEST(CclCorrelationTest, IsTheMeanOfSquaredGaps) {
  CclFeatures image, text;
  image.whole = torch::tensor({{1.0F, 2.0F}});
  text.whole = torch::tensor({{1.0F, 4.0F}});
  image.part = torch::tensor({{0.0F, 1.0F}});
  text.part = torch::tensor({{3.0F, 1.0F}});
  image.common = torch::tensor({{2.0F, 0.0F}});
  text.common = torch::tensor({{0.0F, 7.0F}});
  CclReconstruction right;
  right.whole = right.whole_of = right.hidden = right.hidden_of = torch::ones({1, 2});
  CclReconstruction wrong = right;
  wrong.whole = torch::tensor({{3.0F, 1.0F}});
  wrong.part = torch::tensor({{1.0F, 2.0F}});
  wrong.part_of = torch::tensor({{1.0F, 5.0F}});
  const auto terms = ccl_correlation(image, text, right, wrong);
  EXPECT_NEAR(number(terms.within), 4 / 2.0 + 9 / 2.0, 1e-6);
  EXPECT_NEAR(number(terms.across), 4 / 2.0 + 9 / 2.0 + 2, 1e-6);
}

TEST(SplitGrains, RaisesStandardisesAndSeesWhichPartsAreThere) {
  InputStage stage(InputSpec{InputSpec::Kind::kFeatures, 6, 0});
  stage->set_standardisation(torch::tensor({1.0F, 0.0F, 2.0F, 2.0F, 2.0F, 2.0F}),
                             torch::tensor({1.0F, 2.0F, 1.0F, 1.0F, 1.0F, 1.0F}));
  const auto row = torch::tensor({{4.0F, -9.0F, 0.0F, 0.0F, 16.0F, 0.0F}});
  const Grains grains = split_grains(row, 2, 0.5, *stage);
  EXPECT_TRUE(grains.whole.allclose(torch::tensor({{1.0F, -6.0F}})));
  EXPECT_TRUE(grains.present.equal(torch::tensor({{0.0F, 1.0F}})));
  EXPECT_TRUE(grains.parts[0][1].allclose(torch::tensor({2.0F, -2.0F})));
  EXPECT_TRUE(mean_part(grains).allclose(torch::tensor({{2.0F, -2.0F}})));
}

TEST(CclNetworkTest, PartsThatAreNotThereChangeNothing) {
  torch::manual_seed(1);
  for (const char* pooling : {"mean", "attention"}) {
    CclSettings settings;
    settings.width = 8;
    settings.pooling = pooling;
    CclPathway pathway(3, 2, 0.5, settings);
    pathway->eval();
    Grains grains{torch::randn({4, 3}), torch::randn({4, 2, 3}), torch::ones({4, 2})};
    grains.present[1][0] = 0;
    grains.present[2].zero_();
    const auto before = pathway->forward(grains).common;
    grains.parts[1][0] += 5;
    grains.parts[2] += 5;
    EXPECT_TRUE(pathway->forward(grains).common.allclose(before)) << pooling;
    grains.parts[0][0] += 5;
    EXPECT_FALSE(pathway->forward(grains).common.allclose(before)) << pooling;
    EXPECT_TRUE(pathway->forward(grains).part[2].eq(0).all().item<bool>()) << pooling;
  }
}

TEST(CclNetworkTest, CosineOfAPictureAndATextIsTheProductOfTheirClassShares) {
  torch::manual_seed(1);
  CclSettings settings;
  settings.width = 6;
  CclNetwork network(CclShape{.image_width = 3, .text_width = 4, .classes = 5, .bits = {8}}, settings);
  network->eval();
  const auto image = torch::randn({7, 6}), text = torch::randn({9, 6});
  const auto a = network->embedding(Modality::kImage, image), b = network->embedding(Modality::kText, text);
  EXPECT_EQ(a.size(1), network->embedding_width());
  EXPECT_TRUE(a.norm(2, 1).allclose(torch::ones({7})));
  const auto shares = [&](const torch::Tensor& common) {
    return torch::softmax(settings.sharpness * network->class_logits(common), 1);
  };
  EXPECT_TRUE(a.mm(b.t()).allclose(shares(image).mm(shares(text).t()), 1e-4, 1e-6));
  EXPECT_TRUE(network->embedding(Modality::kBoth, image).norm(2, 1).allclose(torch::ones({7})));
}

TEST(CclNetworkTest, WithoutClassesTheCommonLayerIsTheSpace) {
  CclSettings settings;
  settings.width = 6;
  CclNetwork network(CclShape{.image_width = 3, .text_width = 4, .classes = 0, .bits = {8}}, settings);
  const auto common = torch::randn({7, 6});
  EXPECT_EQ(network->embedding_width(), 6);
  EXPECT_TRUE(network->embedding(Modality::kText, common).equal(unit_rows(common)));
}

}  // namespace
}  // namespace warifu
