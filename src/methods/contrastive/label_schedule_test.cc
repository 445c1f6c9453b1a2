#include "methods/contrastive/label_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace warifu {
namespace {

using testing::IsEmpty;

using Labels = std::vector<std::vector<std::uint32_t>>;

TEST(LabelSchedule, LeavesThePairsAloneWithoutLabels) {
  const LabelSchedule schedule = schedule_for(Labels(5));
  EXPECT_EQ(schedule.supervised_weight(), 0);
  EXPECT_EQ(schedule.pair_weight(), 1);
  EXPECT_EQ(schedule.start_decay_share(), 1);
}

TEST(LabelSchedule, GivesLabelsHalfTheirWeightAtSixteenItemsAValue) {
  const LabelSchedule schedule{.labelled = 48, .classes = 3};
  EXPECT_DOUBLE_EQ(schedule.supervised_weight(), 0.5);
  EXPECT_DOUBLE_EQ(schedule.pair_weight(), 0.75);
  EXPECT_DOUBLE_EQ(schedule.start_decay_share(), 1);
}

TEST(LabelSchedule, LetsGoOfTheStartAsLabelsBecomeMany) {
  const LabelSchedule twice{.labelled = 96, .classes = 3};
  EXPECT_DOUBLE_EQ(twice.start_decay_share(), 0.5);
  const LabelSchedule tenfold{.labelled = 480, .classes = 3};
  EXPECT_DOUBLE_EQ(tenfold.start_decay_share(), 0.1);
  EXPECT_DOUBLE_EQ(tenfold.supervised_weight(), 480.0 / 528);
}

TEST(LabelSchedule, CountsItemsWithAnyLabelAndValuesOnce) {
  const LabelSchedule schedule = schedule_for({{1, 4}, {}, {4}, {9}});
  EXPECT_EQ(schedule.labelled, 3U);
  EXPECT_EQ(schedule.classes, 3U);
}

class LimitLabels : public testing::Test {
 protected:
  LimitLabels() : labels_(20) {
    for (std::uint32_t i = 0; i < 20; ++i) labels_[i] = {i};
    for (std::size_t i = 4; i < 20; ++i) train_.push_back(i);  // items 0 to 3 are held out
  }

  static std::ptrdiff_t labelled(const Labels& labels) {
    return std::ranges::count_if(labels, [](const auto& of_item) { return !of_item.empty(); });
  }

  Labels labels_;
  std::vector<std::size_t> train_;
};

TEST_F(LimitLabels, KeepsSoManyOfTrainAndNoneOfHeldOutItems) {
  const Labels kept = limit_labels(labels_, train_, 5, 1);
  ASSERT_EQ(kept.size(), 20U);
  EXPECT_EQ(labelled(kept), 5);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_THAT(kept[i], IsEmpty());
  for (std::size_t i = 4; i < 20; ++i)
    if (!kept[i].empty()) {
      EXPECT_EQ(kept[i], labels_[i]);
    }
}

TEST_F(LimitLabels, CountsOnlyItemsThatHaveOne) {
  for (std::size_t i = 4; i < 20; i += 2) labels_[i].clear();
  EXPECT_EQ(labelled(limit_labels(labels_, train_, 5, 1)), 5);
}

TEST_F(LimitLabels, KeepsAllOfTrainWhereNoLimitIsSet) {
  EXPECT_EQ(labelled(limit_labels(labels_, train_, 0, 1)), 16);
  EXPECT_EQ(labelled(limit_labels(labels_, train_, 99, 1)), 16);
}

TEST_F(LimitLabels, DrawsBySeedAndAddsToTheFewerOnes) {
  const Labels five = limit_labels(labels_, train_, 5, 1);
  EXPECT_EQ(five, limit_labels(labels_, train_, 5, 1));
  EXPECT_NE(five, limit_labels(labels_, train_, 5, 2));
  const Labels nine = limit_labels(labels_, train_, 9, 1);
  for (std::size_t i = 0; i < 20; ++i)
    if (!five[i].empty()) {
      EXPECT_EQ(nine[i], five[i]);
    }
}

TEST_F(LimitLabels, TakesASetWithoutLabels) { EXPECT_THAT(limit_labels({}, train_, 5, 1), IsEmpty()); }

}  // namespace
}  // namespace warifu
