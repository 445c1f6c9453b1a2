// The MATLAB files as the field passes them round.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "io/mat_reader.h"

namespace warifu {
namespace {

using testing::ElementsAre;

// What is counted over all items of a set.
struct Totals {
  std::size_t items = 0, labels = 0, labelled = 0, rejections = 0, features = 0;
  double feature_sum = 0;
  std::set<std::string> classes, ids;
  Record first, last;
};

Totals totals(const std::filesystem::path& path, const SourceOptions& options = {}) {
  Totals t;
  auto reader = open_mat(path, options);
  EXPECT_TRUE(reader) << reader.error().message;
  if (!reader) return t;
  while (auto entry = (*reader)->next()) {
    if (!*entry) {
      ++t.rejections;
      ADD_FAILURE() << entry->error().place << ": " << entry->error().reason;
      continue;
    }
    const Record& record = **entry;
    ++t.items;
    t.labels += record.labels.size();
    t.labelled += record.labels.empty() ? 0 : 1;
    for (const Label& label : record.labels) t.classes.insert(label.value);
    t.ids.insert(record.id);
    t.features = record.text_features.size();
    t.feature_sum = std::accumulate(record.text_features.begin(), record.text_features.end(), t.feature_sum);
    if (t.items == 1) t.first = record;
    t.last = std::move(**entry);
  }
  return t;
}

class MatlabData : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(root_)) GTEST_SKIP() << "no reference data at " << root_;
  }
  const std::filesystem::path root_ = std::filesystem::path(WARIFU_SHARED_DIR) / "data" / "matlab";
};

TEST_F(MatlabData, Flickr25kHas20015ItemsOf24LabelsAnd1386Tags) {
  SourceOptions options;
  options.image_root = "/mirflickr";
  const Totals t = totals(root_ / "flickr25k", options);
  EXPECT_EQ(t.items, 20015U);
  EXPECT_EQ(t.ids.size(), 20015U);
  EXPECT_EQ(t.classes.size(), 24U);
  EXPECT_EQ(t.features, 1386U);
  EXPECT_EQ(t.first.id, "im1.jpg");
  EXPECT_EQ(t.first.image_uri, "/mirflickr/im1.jpg");
  EXPECT_EQ(t.last.id, "im25000.jpg");
  EXPECT_EQ(t.labelled, 20015U);  // the usual 20,015 are those with labels and tags
}

TEST_F(MatlabData, CocoHas122218ItemsOf2026WordsAndLabelListsFor15000) {
  const Totals t = totals(root_ / "coco");
  EXPECT_EQ(t.items, 122218U);
  EXPECT_EQ(t.features, 2026U);
  EXPECT_EQ(t.first.id, "COCO_train2014_000000000009.jpg");
  EXPECT_EQ(t.classes.size(), 80U);
  EXPECT_GT(t.feature_sum, 122218.0);
}

TEST_F(MatlabData, NusWideHas186577ItemsOf10Labels) {
  const Totals t = totals(root_ / "nuswide_tc10");
  EXPECT_EQ(t.items, 186577U);
  EXPECT_EQ(t.classes.size(), 10U);
  EXPECT_EQ(t.labelled, 186577U);
  EXPECT_EQ(t.first.id, "000001");
  EXPECT_EQ(t.last.id, "186577");
  EXPECT_TRUE((*open_mat(root_ / "nuswide_tc10", {}))->labels_alone());
  EXPECT_FALSE((*open_mat(root_ / "flickr25k", {}))->labels_alone());
}

TEST_F(MatlabData, TrainAndTestVariablesInOneFileAreAnErrorThatSaysSo) {
  const auto opened = open_mat(root_.parent_path() / "wikipedia" / "raw_features.mat", {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kBadFormat);
}

}  // namespace
}  // namespace warifu
