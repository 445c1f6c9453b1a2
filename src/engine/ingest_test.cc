#include "engine/ingest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "engine/temporary_workspace.h"
#include "io/npy.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Ingest : public TemporaryWorkspace {
 protected:
  IngestReport read(const std::filesystem::path& path, const IngestOptions& options = {}) {
    auto report = ingest(folder_ / "workspace", path, options, quiet_);
    EXPECT_TRUE(report) << report.error().message;
    return report ? std::move(*report) : IngestReport{};
  }
};

TEST_F(Ingest, ListsEachBrokenItemAndTakesEveryGoodOne) {
  write_picture("good.png", 255, 0, 0);
  write("empty.jpg", "");
  write("words.jpg", "this is not a picture");
  const auto csv = write("pairs.csv",
                         "id,image,text\n"
                         "1,good.png,a red square\n"
                         "2,empty.jpg,nothing\n"
                         "3,words.jpg,words\n"
                         "4,missing.png,gone\n"
                         "5,good.png,bad \xFF text\n"
                         "1,good.png,a second item of the same id\n"
                         "6,,\n"
                         "7,,only words\n");
  const IngestReport report = read(csv);
  EXPECT_EQ(report.added, 2U);
  EXPECT_EQ(report.items, 2U);
  ASSERT_EQ(report.rejected.size(), 6U);
  std::vector<std::string> places;
  for (const Rejection& rejection : report.rejected) {
    EXPECT_FALSE(rejection.reason.empty());
    places.push_back(std::filesystem::path(rejection.place).filename());
  }
  EXPECT_THAT(places, testing::UnorderedElementsAre("pairs.csv:3", "pairs.csv:4", "pairs.csv:5", "pairs.csv:6",
                                                    "pairs.csv:7", "pairs.csv:8"));
}

TEST_F(Ingest, ChangesNothingTheSecondTimeAndForgetsAMendedRejection) {
  write_picture("a.png", 255, 0, 0);
  const auto csv = write("pairs.csv", "id,image,text\n1,a.png,red\n2,b.png,blue\n");
  EXPECT_EQ(read(csv).rejected.size(), 1U);
  const auto revision = open().catalog().last_revision();
  EXPECT_EQ(read(csv).unchanged, 1U);
  EXPECT_EQ(open().catalog().last_revision().value(), revision.value());
  write_picture("b.png", 0, 0, 255);
  const IngestReport mended = read(csv);
  EXPECT_EQ(mended.added, 1U);
  EXPECT_TRUE(open().catalog().rejections()->empty());
}

TEST_F(Ingest, SeesThatAPictureOrTextChanged) {
  write_picture("a.png", 255, 0, 0);
  const auto csv = write("pairs.csv", "id,image,text\n1,a.png,red\n");
  read(csv);
  write_picture("a.png", 0, 255, 0);
  EXPECT_EQ(read(csv).updated, 1U);
  write("pairs.csv", "id,image,text\n1,a.png,green\n");
  EXPECT_EQ(read(csv).updated, 1U);
  EXPECT_EQ((*open().catalog().find("1"))->text, "green");
}

TEST_F(Ingest, SaysWhenASecondFolderReplacesItemsOfTheFirst) {
  write_picture("a/1.png", 255, 0, 0);
  write_picture("b/1.png", 0, 255, 0);
  EXPECT_EQ(read(folder_ / "a").replaced, 0U);
  EXPECT_EQ(read(folder_ / "b").replaced, 1U);
  write_picture("b/1.png", 0, 0, 255);  // edited where it lies
  EXPECT_EQ(read(folder_ / "b").replaced, 0U);
}

TEST_F(Ingest, KeepsAnItemWithoutItsPictureOnlyWhenAllowedOrGivenFeatures) {
  const auto csv = write("pairs.csv", "id,image,text\n1,gone.png,red\n");
  const IngestReport refused = read(csv);
  ASSERT_EQ(refused.rejected.size(), 1U);
  EXPECT_THAT(refused.rejected[0].hint, HasSubstr("--allow-missing"));
  IngestOptions options;
  ASSERT_TRUE(write_npy(folder_ / "f.npy", FloatMatrix(1, 3, {1, 2, 3})));
  options.source.image_features = folder_ / "f.npy";
  const IngestReport kept = read(csv, options);
  EXPECT_EQ(kept.added, 1U);
  EXPECT_EQ(kept.pictures_not_found, 1U);
  const auto features = open().given_features(Modality::kImage);
  const std::vector<std::string> key{"1"};
  EXPECT_THAT((*features)->gather(key)->row(0), ElementsAre(1, 2, 3));
}

TEST_F(Ingest, NoticesThatGivenFeaturesChanged) {
  const auto csv = write("pairs.csv", "id,image,text\n1,,red\n");
  IngestOptions options;
  options.source.image_features = folder_ / "f.npy";
  ASSERT_TRUE(write_npy(folder_ / "f.npy", FloatMatrix(1, 2, {1, 2})));
  read(csv, options);
  EXPECT_EQ(read(csv, options).unchanged, 1U);
  ASSERT_TRUE(write_npy(folder_ / "f.npy", FloatMatrix(1, 2, {1, 5})));
  EXPECT_EQ(read(csv, options).updated, 1U);
  ASSERT_TRUE(write_npy(folder_ / "f.npy", FloatMatrix(1, 3, {1, 5, 6})));
  const IngestReport wider = read(csv, options);
  ASSERT_EQ(wider.rejected.size(), 1U);
  EXPECT_THAT(wider.rejected[0].reason, HasSubstr("3 values"));
}

TEST_F(Ingest, ASourceThatSaysNothingAboutRightsOpensNothing) {
  const auto groups_of = [&](const std::string& id) { return (*open().catalog().find(id))->groups; };
  const auto csv = write("pairs.csv", "id,text,who\n1,red,design|sales\n2,blue,*\n");
  IngestOptions by_column;
  by_column.source.group_column = "who";
  EXPECT_EQ(read(csv, by_column).added, 2U);
  EXPECT_THAT(groups_of("1"), ElementsAre("design", "sales"));
  EXPECT_THAT(groups_of("2"), testing::IsEmpty());

  const auto without = write("again.csv", "id,text\n1,dark red\n3,green\n");
  EXPECT_EQ(read(without).updated, 1U);
  EXPECT_THAT(groups_of("1"), ElementsAre("design", "sales"));
  EXPECT_THAT(groups_of("3"), testing::IsEmpty());

  IngestOptions for_all;
  for_all.groups = {"board"};
  EXPECT_EQ(read(without, for_all).updated, 2U);
  EXPECT_THAT(groups_of("1"), ElementsAre("board"));
  EXPECT_EQ(read(without, for_all).unchanged, 2U);
  for_all.groups.emplace();
  EXPECT_EQ(read(without, for_all).updated, 2U);
  EXPECT_THAT(groups_of("1"), testing::IsEmpty());
}

TEST_F(Ingest, RefusesGroupsThatAreUnclear) {
  const auto csv = write("pairs.csv", "id,text,who\n1,red,design\n");
  IngestOptions options;
  options.groups = {""};
  EXPECT_EQ(ingest(folder_ / "new", csv, options, quiet_).error().code, ErrorCode::kInvalidArgument);
  options.groups = {"design"};
  options.source.group_column = "who";
  EXPECT_EQ(ingest(folder_ / "new", csv, options, quiet_).error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new"));
}

TEST_F(Ingest, ReadsSplitsAndCountsIdsThatNameNoItem) {
  const auto csv = write("pairs.csv", "id,image,text\n1,,one\n2,,two\n3,,three\n");
  write("splits/query.txt", "1\n");
  write("splits/train.txt", "2\n3\n");
  write("splits/database.txt", "2\r\n3\n99\n");
  IngestOptions options;
  options.splits = folder_ / "splits";
  const IngestReport report = read(csv, options);
  EXPECT_EQ(report.splits, (std::map<std::string, std::size_t>{{"database", 2}, {"query", 1}, {"train", 2}}));
  EXPECT_EQ(report.unknown_split_ids, 1U);
  options.splits = folder_ / "nowhere";
  EXPECT_EQ(ingest(folder_ / "workspace", csv, options, quiet_).error().code, ErrorCode::kNotFound);
}

TEST_F(Ingest, LeavesNothingBehindWhenTheSourceIsRefused) {
  EXPECT_EQ(ingest(folder_ / "new", folder_ / "nowhere.csv", {}, quiet_).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "new"));
}

TEST_F(Ingest, KeepsDrawnItemsOnTheirSideWhenMoreArrive) {
  std::string csv = "id,image,text\n";
  for (int i = 0; i < 200; ++i) csv += std::to_string(i) + ",,text " + std::to_string(i) + "\n";
  const auto path = write("pairs.csv", csv);
  read(path);
  const auto before = open().catalog().split("query");
  ASSERT_TRUE(before);
  EXPECT_GT(before->size(), 8U);
  EXPECT_LT(before->size(), 40U);
  for (int i = 200; i < 300; ++i) csv += std::to_string(i) + ",,text " + std::to_string(i) + "\n";
  read(write("pairs.csv", csv));
  const auto after = open().catalog().split("query");
  ASSERT_TRUE(after);
  EXPECT_GT(after->size(), before->size());
  EXPECT_TRUE(std::ranges::includes(*after, *before));
  const auto database = open().catalog().split("database");
  EXPECT_EQ(after->size() + database->size(), 300U);
}

}  // namespace
}  // namespace warifu
