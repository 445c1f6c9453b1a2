#include "io/features_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "io/npy.h"
#include "io/record_fixture.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class Features : public RecordFixture {
 protected:
  std::filesystem::path save_array(const std::string& name, std::size_t rows, std::vector<float> values) const {
    const std::size_t cols = values.size() / rows;
    EXPECT_TRUE(write_npy(folder() / name, FloatMatrix(rows, cols, std::move(values))));
    return folder() / name;
  }
};

TEST_F(Features, ArraysIdsAndLabelsMakeItems) {
  SourceOptions options;
  options.format = "features";
  options.image_features = save_array("image.npy", 3, {1, 2, 3, 4, 5, 6});
  options.text_features = save_array("text.npy", 3, {7, 8, 9});
  options.ids = save("ids.txt", "a\r\nb\r\nc\r\n");
  options.labels = save("labels.txt", "art, music\n\nhistory\tfine, arts\n");
  const auto entries = read_all("", options);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0]->id, "a");
  EXPECT_THAT(entries[0]->image_features, ElementsAre(1, 2));
  EXPECT_THAT(entries[0]->text_features, ElementsAre(7));
  EXPECT_THAT(entries[0]->labels, ElementsAre(Label{"label", "art"}, Label{"label", "music"}));
  EXPECT_THAT(entries[1]->labels, IsEmpty());
  EXPECT_THAT(entries[2]->labels, ElementsAre(Label{"label", "history"}, Label{"label", "fine, arts"}));
  EXPECT_EQ(entries[2]->place, "image.npy:3");
}

TEST_F(Features, AFolderBringsItsIdsAndLabels) {
  SourceOptions options;
  options.format = "features";
  options.text_features = save_array("text.npy", 2, {7, 8});
  save("ids.txt", "a\nb");
  save("labels.txt", "x\n\n");
  const auto entries = read_all(folder(), options);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1]->id, "b");
  EXPECT_THAT(entries[1]->text_features, ElementsAre(8));
  EXPECT_THAT(entries[0]->labels, ElementsAre(Label{"label", "x"}));
}

TEST_F(Features, AnArrayAloneIsEnough) {
  const auto entries = read_all(save_array("image.npy", 2, {1, 2}), {});
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0]->id, "image:1");
  SourceOptions options;
  options.image_features = folder() / "image.npy";
  EXPECT_EQ(read_all("", options).size(), 2U);
  const auto opened = open_records("", options);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->size_hint(), 2U);
}

TEST_F(Features, CountsThatDifferAreAnErrorWithBoth) {
  SourceOptions options;
  options.format = "features";
  EXPECT_EQ(open_records("", options).error().code, ErrorCode::kInvalidArgument);
  options.image_features = save_array("image.npy", 3, {1, 2, 3});
  options.ids = save("ids.txt", "a\nb\n");
  EXPECT_THAT(open_records("", options).error().message, HasSubstr("ids.txt: 2 lines, image.npy has 3 rows"));
  options.ids = save("ids.txt", "a\nb\nc\nd\n\n");
  EXPECT_THAT(open_records("", options).error().message, HasSubstr("ids.txt: 4 lines, image.npy has 3 rows"));
  options.ids.clear();
  options.labels = save("labels.txt", "x\n\n");
  EXPECT_THAT(open_records("", options).error().message, HasSubstr("labels.txt: 2 lines, image.npy has 3 rows"));
  options.labels.clear();
  options.text_features = save_array("text.npy", 2, {1, 2});
  EXPECT_THAT(open_records("", options).error().message, HasSubstr("text.npy: 2 rows, image.npy has 3"));
}

TEST_F(Features, AnItemWithoutIdOrWithoutNumbersIsRejected) {
  SourceOptions options;
  options.image_features = save_array("image.npy", 3, {1, kNaN, 3});
  options.ids = save("ids.txt", "\nb\nc\n");
  const auto entries = read_all("", options);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].error().reason, "the id is empty");
  EXPECT_EQ(entries[1].error().reason, "image.npy: feature 0 is NaN");
  EXPECT_EQ(entries[1].error().place, "image.npy:2");
  EXPECT_EQ(entries[2]->id, "c");
}

TEST_F(Features, RowsBesideACsvGoToItsRecordsInOrderRejectedOnesToo) {
  SourceOptions options;
  options.image_features = save_array("image.npy", 4, {1, 2, 3, 4, 5, 6, 7, std::numeric_limits<float>::infinity()});
  const auto entries = read_all(save("pairs.csv", "id,text\na,x\nb,x,y\nc,z\nd,w\n"), options);
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_THAT(entries[0]->image_features, ElementsAre(1, 2));
  EXPECT_FALSE(entries[1]);
  EXPECT_EQ(entries[2]->id, "c");
  EXPECT_THAT(entries[2]->image_features, ElementsAre(5, 6));
  EXPECT_EQ(entries[3].error().reason, "image.npy: feature 1 is infinite");
  EXPECT_EQ(entries[3].error().place, "pairs.csv:5");
}

TEST_F(Features, RowsBesideAJsonlMakeItemsOfIdsAlone) {
  SourceOptions options;
  options.text_features = save_array("text.npy", 2, {1, 2});
  const auto entries = read_all(save("items.jsonl", "{\"id\":\"a\"}\n\n{\"id\":\"b\"}\n"), options);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1]->id, "b");
  EXPECT_THAT(entries[1]->text_features, ElementsAre(2));
}

TEST_F(Features, TooFewOrTooManyRowsBesideASourceAreAnErrorWithBothNumbers) {
  const auto csv = save("pairs.csv", "id,text\na,x\nb,y\nc,z\n");
  SourceOptions options;
  options.image_features = save_array("image.npy", 2, {1, 2});
  EXPECT_THAT(open_records(csv, options).error().message,
              HasSubstr("image.npy: 2 rows of features, the source has 3 records"));
  options.image_features = save_array("image.npy", 4, {1, 2, 3, 4});
  const auto opened = open_records(csv, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(opened.error().message, HasSubstr("image.npy: 4 rows of features, the source has 3 records"));
}

TEST_F(Features, FeaturesThatEndTooEarlyEndTheSourceWithARejection) {
  std::string values(std::size_t{3000} * 100, '\0');
  std::uint32_t x = 1;
  for (char& c : values) c = static_cast<char>((x = x * 1664525U + 1013904223U) >> 24);
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3000, 100), }\n";
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0';
  const auto path = save_compressed("image.npy.gz", bytes + header + values);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  const auto entries = read_all(path, {});
  ASSERT_FALSE(entries.empty());
  ASSERT_FALSE(entries.back());
  EXPECT_THAT(entries.back().error().reason, HasSubstr("ends too early"));
  EXPECT_LT(entries.size(), 3000U);
}

}  // namespace
}  // namespace warifu
