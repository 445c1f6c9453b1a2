#include "io/mat_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>

#include "io/image_file.h"
#include "io/mat_fixture.h"

namespace warifu {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Runs with every version and compression that a writer may choose.
class MatVersions : public MatTest, public testing::WithParamInterface<std::pair<mat_ft, matio_compression>> {};

INSTANTIATE_TEST_SUITE_P(EveryVersion, MatVersions,
                         testing::Values(std::pair{MAT_FT_MAT5, MAT_COMPRESSION_NONE},
                                         std::pair{MAT_FT_MAT5, MAT_COMPRESSION_ZLIB},
                                         std::pair{MAT_FT_MAT73, MAT_COMPRESSION_NONE},
                                         std::pair{MAT_FT_MAT73, MAT_COMPRESSION_ZLIB}),
                         [](const auto& run) {
                           return std::string(run.param.first == MAT_FT_MAT5 ? "v5" : "v73") +
                                  (run.param.second == MAT_COMPRESSION_ZLIB ? "Compressed" : "Plain");
                         });

TEST_P(MatVersions, OneFileOfNamesLabelsAndTagsBecomesItems) {
  const auto [version, compression] = GetParam();
  MatWriter(folder_ / "set.mat", version, compression)
      .texts("FAll", {"im1.jpg", "im2.jpg", "im3.jpg"})
      .doubles("LAll", {3, 2}, {1, 0, 1, 0, 0, 1})
      .doubles("YAll", {3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const Given given = read(folder_ / "set.mat");
  ASSERT_EQ(given.records.size(), 3U);
  EXPECT_THAT(given.rejections, IsEmpty());
  const Record& third = given.records[2];
  EXPECT_EQ(third.place, "set.mat: row 3");
  EXPECT_EQ(third.id, "im3.jpg");
  EXPECT_EQ(third.image_uri, "");  // nobody said where the pictures are
  EXPECT_THAT(third.labels, ElementsAre(Label{"label", "0"}, Label{"label", "1"}));
  EXPECT_THAT(third.text_features, ElementsAre(3, 6, 9, 12));
  EXPECT_THAT(given.records[1].labels, IsEmpty());
}

TEST_P(MatVersions, CaptionIndexLabelInThreeFilesBecomeItems) {
  const auto [version, compression] = GetParam();
  MatWriter(folder_ / "caption.mat", version, compression)
      .text_lists("caption", {{"a cat", "a small cat"}, {"a dog"}, {}});
  MatWriter(folder_ / "index.mat", version, compression)
      .lines("index", {"/data/a.jpg ", "/data/bb.jpg", "/data/c.jpg "});
  MatWriter(folder_ / "label.mat", version, compression).logical("category", {3, 2}, {1, 0, 0, 0, 1, 1});
  SourceOptions options;
  options.image_root = "/pictures";
  const Given given = read(folder_, options);
  ASSERT_EQ(given.records.size(), 3U);
  EXPECT_EQ(given.records[0].id, "/data/a.jpg");
  EXPECT_EQ(given.records[0].image_uri, "/pictures/a.jpg");
  EXPECT_EQ(given.records[0].text, "a cat\na small cat");
  EXPECT_THAT(given.records[0].labels, ElementsAre(Label{"label", "0"}));
  EXPECT_EQ(given.records[1].id, "/data/bb.jpg");
  EXPECT_EQ(given.records[1].text, "a dog");
  EXPECT_FALSE(given.records[2].text);
}

TEST_P(MatVersions, PixelArraysBecomePictures) {
  const auto [version, compression] = GetParam();
  std::vector<std::uint8_t> pixels(2 * 3 * 3 * 2);  // height 2, width 3, 2 pictures
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 5);
  MatWriter(folder_ / "FLICKR.mat", version, compression)
      .bytes("images", {2, 3, 3, 2}, pixels)
      .doubles("LAll", {2, 2}, {1, 0, 0, 1});
  const Given given = read(folder_ / "FLICKR.mat");
  ASSERT_EQ(given.records.size(), 2U);
  const auto image = decode_image(given.records[1].image_bytes, {});
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->width, 3);
  EXPECT_EQ(image->height, 2);
  // Row 1, column 2, green of picture 1 is element 1 + 2*2 + 1*6 + 18 = 29 in MATLAB's order.
  EXPECT_EQ(image->rgb[(1 * 3 + 2) * 3 + 1], 29 * 5);
  EXPECT_THAT(given.records[1].image_uri, HasSubstr("FLICKR.mat#images:2"));
  EXPECT_EQ(given.records[1].id, "2");
}

TEST_P(MatVersions, SparseMatricesAreReadRowByRow) {
  const auto [version, compression] = GetParam();
  MatWriter(folder_ / "tagList.mat", version, compression).sparse("tags");
  const Given given = read(folder_);
  ASSERT_EQ(given.records.size(), 4U) << (given.rejections.empty() ? "" : given.rejections[0].reason);
  EXPECT_THAT(given.records[0].text_features, ElementsAre(0, 0, 9));
  EXPECT_THAT(given.records[1].text_features, ElementsAre(5, 0, 0));
  EXPECT_THAT(given.records[2].text_features, ElementsAre(0, 0, 0));
  EXPECT_THAT(given.records[3].text_features, ElementsAre(7, 0, 0));
}

TEST_F(MatTest, ClassNamesOfTheFileNameTheLabels) {
  MatWriter(folder_ / "a.mat").doubles("labels", {3, 2}, {1, 1, 0, 0, 1, 1}).texts("class_names", {"cat", "犬"});
  const Given given = read(folder_ / "a.mat");
  ASSERT_EQ(given.records.size(), 3U);
  EXPECT_THAT(given.records[1].labels, ElementsAre(Label{"label", "cat"}, Label{"label", "犬"}));
}

TEST_F(MatTest, OneNumberAnItemIsItsClass) {
  MatWriter(folder_ / "a.mat").doubles("label", {1, 3}, {4, 0, 2.5}).texts("images", {"a", "b", "a"});
  const Given given = read(folder_ / "a.mat");
  ASSERT_EQ(given.records.size(), 3U);
  EXPECT_THAT(given.records[0].labels, ElementsAre(Label{"label", "4"}));
  EXPECT_THAT(given.records[1].labels, ElementsAre(Label{"label", "0"}));
  EXPECT_THAT(given.records[2].labels, ElementsAre(Label{"label", "2.5"}));
  EXPECT_EQ(given.records[2].id, "a#2");
}

TEST_F(MatTest, WithoutNamesIdsAreRowNumbersThatSort) {
  MatWriter(folder_ / "labelList.mat").doubles("LAll", {12, 1}, std::vector<double>(12, 1));
  const Given given = read(folder_);
  ASSERT_EQ(given.records.size(), 12U);
  EXPECT_EQ(given.records[0].id, "01");
  EXPECT_EQ(given.records[11].id, "12");
}

TEST_F(MatTest, ASetOfLabelsAloneKeepsItsItems) {
  MatWriter(folder_ / "labelList.mat").doubles("LAll", {2, 2}, {1, 0, 0, 1});
  const auto reader = open_records(folder_, {});
  ASSERT_TRUE(reader);
  EXPECT_TRUE((*reader)->labels_alone());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE((*reader)->next().value().has_value());
  EXPECT_FALSE((*reader)->next());
}

TEST_F(MatTest, ANamedPictureThatLiesNowhereIsNoItem) {
  MatWriter(folder_ / "imgList.mat").texts("FAll", {"a.jpg"}).doubles("LAll", {1, 1}, {1});
  const auto reader = open_records(folder_, {});
  ASSERT_TRUE(reader);
  EXPECT_FALSE((*reader)->labels_alone());
  const auto entry = (*reader)->next();
  ASSERT_FALSE(entry->has_value());
  EXPECT_EQ(entry->error().reason, "neither a picture nor a text");
}

TEST_F(MatTest, TextInUtf16ComesOutAsUtf8) {
  MatWriter(folder_ / "a.mat").utf16_line("caption", u"木の割符 \U0001F600").doubles("label", {1, 1}, {3});
  const Given given = read(folder_ / "a.mat");
  ASSERT_EQ(given.records.size(), 1U);
  EXPECT_EQ(given.records[0].text, "木の割符 😀");
}

TEST_F(MatTest, LabelListsAreJoinedByPictureName) {
  MatWriter(folder_ / "imgList.mat").lines("imgs", {"COCO_1.jpg", "COCO_2.jpg", "COCO_3.jpg"});
  write("train.txt", "train2014/COCO_3.jpg 0 1 1\nval/COCO_1.jpg 1 0 0\n");
  write("README.txt", "These are the lists.\n");
  const Given given = read(folder_);
  ASSERT_EQ(given.records.size(), 3U);
  EXPECT_THAT(given.records[0].labels, ElementsAre(Label{"label", "0"}));
  EXPECT_THAT(given.records[1].labels, IsEmpty());
  EXPECT_THAT(given.records[2].labels, ElementsAre(Label{"label", "1"}, Label{"label", "2"}));
  EXPECT_THAT(given.records[2].attributes, ElementsAre(Label{"list", "train"}));
  write("test.txt", "a.jpg 0 1\nb.jpg 0 2\n");
  EXPECT_THAT(open_mat(folder_, {}).error().message, HasSubstr("test.txt:2: not a name and 2 zeros or ones"));
}

TEST_F(MatTest, RowCountsThatDifferAreAnErrorNamingBoth) {
  MatWriter(folder_ / "a.mat").doubles("LAll", {3, 2}, {1, 0, 1, 0, 0, 1}).texts("FAll", {"im1.jpg", "im2.jpg"});
  const auto opened = open_mat(folder_ / "a.mat", {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(opened.error().message, HasSubstr("'FAll' (2 x 1) in a.mat has 2 items, 'LAll' (3 x 2) in a.mat has 3"));
}

TEST_F(MatTest, AZippedFileIsReadAsIfItWereUnpacked) {
  MatWriter(folder_ / "plain.mat").doubles("tags", {2, 2}, {1, 2, 3, 4});
  const std::string bytes = content(folder_ / "plain.mat");
  archive* zip = archive_write_new();
  archive_write_set_format_zip(zip);
  archive_write_open_filename(zip, (folder_ / "tagList.mat.zip").c_str());
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, "tagList.mat");
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
  archive_write_header(zip, entry);
  archive_write_data(zip, bytes.data(), bytes.size());
  archive_entry_free(entry);
  archive_write_free(zip);
  const Given given = read(folder_ / "tagList.mat.zip");
  ASSERT_EQ(given.records.size(), 2U);
  EXPECT_THAT(given.records[1].text_features, ElementsAre(2, 4));
}

TEST_F(MatTest, ATruncatedFileIsAnErrorOrARejectionNotSilence) {
  std::vector<double> noise(2000);
  std::uint32_t state = 1;
  for (double& value : noise) value = (state = state * 1664525 + 1013904223) / 1e6;
  MatWriter(folder_ / "whole.mat").doubles("tags", {100, 20}, noise);
  const std::string whole = content(folder_ / "whole.mat");
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{60}, std::size_t{130}, whole.size() / 2, whole.size() - 9}) {
    const auto opened = open_mat(write("cut.mat", whole.substr(0, size)), {});
    if (!opened) {
      EXPECT_EQ(opened.error().code, ErrorCode::kBadFormat) << size;
      EXPECT_THAT(opened.error().message, HasSubstr("cut.mat")) << size;
      continue;
    }
    bool noticed = false;
    while (const auto entry = (*opened)->next()) noticed |= !*entry;
    EXPECT_TRUE(noticed) << size;
  }
}

TEST_F(MatTest, Version4IsReadToo) {
  MatWriter(folder_ / "old.mat", MAT_FT_MAT4, MAT_COMPRESSION_NONE).doubles("tags", {2, 2}, {1, 2, 3, 4});
  const Given given = read(folder_ / "old.mat");
  ASSERT_EQ(given.records.size(), 2U);
  EXPECT_THAT(given.records[1].text_features, ElementsAre(2, 4));
  const std::string whole = content(folder_ / "old.mat");
  const auto cut = open_mat(write("cut.mat", whole.substr(0, whole.size() - 1)), {});
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().message,
            "cut.mat: the file is damaged: at byte 20 a variable of 37 bytes begins, more than the file has");
}

TEST_F(MatTest, MoreRowsThanAPipeHoldsComeInOrder) {
  constexpr std::size_t kRows = 70000;  // 16 columns of doubles: 9 MB, so that rows cross the pipe's buffers
  std::vector<double> values(kRows * 16);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = double(i % kRows) + double(i / kRows) / 16;
  MatWriter(folder_ / "a.mat", MAT_FT_MAT5, MAT_COMPRESSION_NONE).doubles("tags", {kRows, 16}, values);
  auto reader = open_mat(folder_ / "a.mat", {});
  ASSERT_TRUE(reader);
  for (std::size_t i = 0; i < kRows; ++i) {
    const auto entry = (*reader)->next();
    ASSERT_TRUE(entry && *entry);
    ASSERT_EQ((*entry)->text_features[0], float(i));
    ASSERT_EQ((*entry)->text_features[15], float(i) + 15.0F / 16);
  }
  EXPECT_FALSE((*reader)->next());
}

TEST_F(MatTest, HostileHeadersOfAFewBytesEndQuickly) {
  using namespace std::string_literals;
  // Version 4: double, 2^31 - 1 rows and columns, name "label".
  const auto path = write("rows.mat", "\0\0\0\0\xFF\xFF\xFF\x7F\xFF\xFF\xFF\x7F\0\0\0\0\6\0\0\0label\0"s);
  EXPECT_EQ(open_mat(path, {}).error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(open_mat(write("other.mat", "\x89HDF\r\n\x1a\n"s + std::string(500, '\0')), {}).error().message,
              HasSubstr("without the header that MATLAB writes"));
}

TEST_F(MatTest, WhatIsNoMatlabFileIsRefused) {
  for (const auto& path : {write("words.mat", std::string(5000, 'w')), write("picture.mat", "\x89PNG\r\n\x1a\n")}) {
    const auto opened = open_mat(path, {});
    ASSERT_FALSE(opened) << path;
    EXPECT_EQ(opened.error().code, ErrorCode::kBadFormat);
  }
  EXPECT_EQ(open_mat(folder_ / "missing.mat", {}).error().code, ErrorCode::kNotFound);
  fs::create_directory(folder_ / "none");
  EXPECT_EQ(open_mat(folder_ / "none", {}).error().code, ErrorCode::kBadFormat);
}

TEST_F(MatTest, IsDetectedAsAFileAndAsAFolder) {
  MatWriter(folder_ / "a.mat").texts("caption", {"one", "two"});
  EXPECT_EQ(*detect_format(folder_ / "a.mat"), "mat");
  EXPECT_EQ(*detect_format(folder_), "mat");
  const auto records = open_records(folder_, {});
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_EQ((*records)->size_hint(), 2U);
  EXPECT_EQ((**(*records)->next()).text, "one");
}

}  // namespace
}  // namespace warifu
