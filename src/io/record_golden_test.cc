// The readers on the real data sets of this project's measurements, where they are at hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "io/npy.h"
#include "io/record.h"
#include "io/safetensors.h"
#include "io/split_files.h"

namespace warifu {
namespace {

const std::filesystem::path kData = std::filesystem::path(WARIFU_SHARED_DIR) / "data";

#define SKIP_WITHOUT(path) \
  if (!std::filesystem::exists(path)) GTEST_SKIP() << (path).string() << " is not here"

TEST(GoldenRecords, FashionPairsHaveTheirFeaturesAndLabels) {
  const auto csv = kData / "fashion" / "pairs.csv";
  SKIP_WITHOUT(csv);
  SourceOptions options;
  options.image_features = kData / "fashion" / "image_mobilenetv2_u8.npy.gz";
  options.label_columns = {"articleType", "baseColour"};
  auto reader = open_records(csv, options);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ((*reader)->size_hint(), 9583U);
  std::set<std::string> types;
  std::set<std::string> colours;
  std::set<std::string> ids;
  while (auto entry = (*reader)->next()) {
    ASSERT_TRUE(*entry) << entry->error().place << ": " << entry->error().reason;
    const Record& record = **entry;
    ASSERT_EQ(record.image_features.size(), 1280U);
    ids.insert(record.id);
    ASSERT_TRUE(record.image_uri.ends_with("fashion/images/" + record.id + ".jpg")) << record.image_uri;
    for (const Label& label : record.labels) (label.column == "articleType" ? types : colours).insert(label.value);
  }
  EXPECT_EQ(ids.size(), 9583U);
  EXPECT_EQ(types.size(), 75U);
  EXPECT_EQ(colours.size(), 44U);

  const auto splits = read_splits(kData / "fashion" / "splits");
  ASSERT_TRUE(splits) << splits.error().message;
  EXPECT_EQ(splits->at("query").size(), 1000U);
  EXPECT_EQ(splits->at("train").size(), 5000U);
  EXPECT_EQ(splits->at("database").size(), 8583U);
  for (const auto& [name, members] : *splits)
    for (const std::string& id : members) ASSERT_TRUE(ids.contains(id)) << name << " " << id;
}

TEST(GoldenRecords, WikipediaIsReadFromItsFeatureFiles) {
  const auto folder = kData / "wikipedia" / "prepared";
  SKIP_WITHOUT(folder);
  SourceOptions options;
  options.format = "features";
  options.image_features = folder / "image_sift128.npy";
  options.text_features = folder / "text_tfidf1000.npy";
  options.ids = folder / "ids.txt";
  options.labels = folder / "labels.txt";
  const auto sift = read_npy_matrix(options.image_features);  // in Fortran order
  ASSERT_TRUE(sift) << sift.error().message;
  auto reader = open_records("", options);
  ASSERT_TRUE(reader) << reader.error().message;
  std::size_t count = 0;
  std::set<std::string> labels;
  while (auto entry = (*reader)->next()) {
    ASSERT_TRUE(*entry) << entry->error().place << ": " << entry->error().reason;
    ASSERT_THAT((*entry)->image_features, testing::ElementsAreArray(sift->row(count)));
    ASSERT_EQ((*entry)->text_features.size(), 1000U);
    ASSERT_EQ((*entry)->labels.size(), 1U);
    labels.insert((*entry)->labels[0].value);
    ++count;
  }
  EXPECT_EQ(count, 2866U);
  EXPECT_EQ(labels.size(), 10U);
}

// Bags of visual words: each row of counts sums to one. A wrong order of axes would not.
TEST(GoldenNpy, FortranOrderRowsOfSiftHistogramsSumToOne) {
  const auto path = kData / "wikipedia" / "prepared" / "image_sift128.npy";
  SKIP_WITHOUT(path);
  const auto sift = read_npy_matrix(path);
  ASSERT_TRUE(sift) << sift.error().message;
  ASSERT_EQ(sift->rows(), 2866U);
  ASSERT_EQ(sift->cols(), 128U);
  for (std::size_t i = 0; i < sift->rows(); ++i) {
    float sum = 0;
    for (const float value : std::as_const(*sift).row(i)) sum += value;
    ASSERT_NEAR(sum, 1.0F, 1e-3F) << i;
  }
}

TEST(GoldenSafetensors, MobilenetWeightsAreReadAsTheyAre) {
  const auto path = kData / "weights" / "mobilenet_v2.safetensors";
  SKIP_WITHOUT(path);
  const auto file = open_safetensors(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_FALSE((*file)->metadata().empty());
  const auto& first = (*file)->tensors().at("features.0.0.weight");
  EXPECT_THAT(first.shape, testing::ElementsAre(32, 3, 3, 3));
  const auto values = to_floats(first);
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_EQ(values->size(), 864U);
  for (const float value : *values) ASSERT_TRUE(std::isfinite(value) && std::abs(value) < 10);
}

}  // namespace
}  // namespace warifu
