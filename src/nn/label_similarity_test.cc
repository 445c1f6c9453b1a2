#include "nn/label_similarity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace warifu {
namespace {

using testing::HasSubstr;

// Items with labels {0, 1}, {1, 2, 3}, {3}, and none.
torch::Tensor four_items() { return multi_hot({{0, 1}, {1, 2, 3}, {3}, {}}, 4); }

TEST(MultiHot, MarksTheLabelsOfEachItem) {
  const auto expected = torch::tensor(
      {{1.0F, 1.0F, 0.0F, 0.0F}, {0.0F, 1.0F, 1.0F, 1.0F}, {0.0F, 0.0F, 0.0F, 1.0F}, {0.0F, 0.0F, 0.0F, 0.0F}});
  EXPECT_TRUE(torch::equal(four_items(), expected));
  EXPECT_EQ(multi_hot({}, 4).sizes(), (std::vector<std::int64_t>{0, 4}));
  EXPECT_EQ(multi_hot({{}}, 0).sizes(), (std::vector<std::int64_t>{1, 0}));
}

TEST(MultiHot, RefusesLabelsOutOfRangeAndTwiceWithTheItem) {
  try {
    multi_hot({{0}, {4}}, 4);
    FAIL() << "label 4 of 4 was taken";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("item 1: label 4 of 4"));
  }
  try {
    multi_hot({{2, 0, 2}}, 4);
    FAIL() << "label 2 was taken twice";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("item 0: label 2 twice"));
  }
  EXPECT_THROW(multi_hot({{4294967295U}}, 4), c10::Error);
}

TEST(LabelSimilarity, IsOneWhereAnyLabelIsShared) {
  const auto expected = torch::tensor(
      {{1.0F, 1.0F, 0.0F, 0.0F}, {1.0F, 1.0F, 1.0F, 0.0F}, {0.0F, 1.0F, 1.0F, 0.0F}, {0.0F, 0.0F, 0.0F, 0.0F}});
  EXPECT_TRUE(torch::equal(any_label_similarity(four_items(), four_items()), expected));
}

TEST(LabelSimilarity, IsTheCosineOfLabelVectors) {
  // {0, 1} and {1, 2, 3}: 1 / sqrt(2 * 3); {1, 2, 3} and {3}: 1 / sqrt 3
  const auto similarity = cosine_label_similarity(four_items(), four_items());
  EXPECT_NEAR(similarity[0][1].item<double>(), 0.408248, 1e-6);
  EXPECT_NEAR(similarity[1][2].item<double>(), 0.577350, 1e-6);
  EXPECT_NEAR(similarity[1][1].item<double>(), 1, 1e-6);
  EXPECT_EQ(similarity[0][2].item<double>(), 0);
}

TEST(LabelSimilarity, IsASigmoidOfTheNumberOfSharedLabels) {
  // tanh(k / 2) for 0, 1, 2, 3 shared: 0, 0.4621, 0.7616, 0.9051
  const auto with_three =
      sigmoid_label_similarity(multi_hot({{0, 1, 2}}, 4), multi_hot({{3}, {0}, {0, 1}, {0, 1, 2}}, 4));
  EXPECT_TRUE(torch::allclose(with_three, torch::tensor({{0.0F, 0.4621F, 0.7616F, 0.9051F}}), 0, 5e-5));
}

TEST(LabelSimilarity, IsTheShareOfSharedLabels) {
  // {0, 1} and {1, 2, 3}: 1 of 4; {1, 2, 3} and {3}: 1 of 3
  const auto similarity = jaccard_label_similarity(four_items(), four_items());
  EXPECT_NEAR(similarity[0][1].item<double>(), 0.25, 1e-6);
  EXPECT_NEAR(similarity[1][2].item<double>(), 1.0 / 3, 1e-6);
  EXPECT_NEAR(similarity[0][0].item<double>(), 1, 1e-6);
}

TEST(LabelSimilarity, LeavesItemsWithoutLabelsUnlikeAllButThemselves) {
  const auto labels = multi_hot({{}, {}, {0}}, 2);
  const auto same = torch::eye(3, torch::kBool);
  const auto only_itself = torch::eye(3);
  EXPECT_TRUE(torch::equal(any_label_similarity(labels, labels, same), only_itself));
  EXPECT_TRUE(torch::equal(cosine_label_similarity(labels, labels, same), only_itself));
  EXPECT_TRUE(torch::equal(jaccard_label_similarity(labels, labels, same), only_itself));
  EXPECT_TRUE(torch::allclose(sigmoid_label_similarity(labels, labels, same), only_itself * std::tanh(0.5)));

  const auto nothing_said = any_label_similarity(labels, labels);
  EXPECT_EQ(nothing_said[0][0].item<float>(), 0);
  EXPECT_EQ(nothing_said[2][2].item<float>(), 1);
  EXPECT_TRUE(cosine_label_similarity(labels, labels).isfinite().all().item<bool>());
  EXPECT_TRUE(jaccard_label_similarity(labels, labels).isfinite().all().item<bool>());
}

TEST(LabelSimilarity, OfItemsWithLabelsDoesNotDependOnWhatIsTheSame) {
  const auto labels = four_items().narrow(0, 0, 3);
  const auto same = torch::ones({3, 3}, torch::kBool);
  for (const auto kernel :
       {any_label_similarity, cosine_label_similarity, sigmoid_label_similarity, jaccard_label_similarity}) {
    EXPECT_TRUE(torch::equal(kernel(labels, labels, same), kernel(labels, labels, {})));
    const auto other_way = kernel(labels, four_items(), {});
    EXPECT_TRUE(torch::equal(kernel(four_items(), labels, {}), other_way.t()));
  }
}

TEST(LabelSimilarity, RefusesLabelsOfOtherClasses) {
  EXPECT_THROW(any_label_similarity(torch::ones({2, 3}), torch::ones({2, 4})), c10::Error);
  EXPECT_THROW(any_label_similarity(torch::ones({2, 3}), torch::ones({2, 3}), torch::ones({3, 2}, torch::kBool)),
               c10::Error);
}

}  // namespace
}  // namespace warifu
