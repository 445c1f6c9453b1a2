#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/npy.h"
#include "io/record.h"
#include "io/record_fixture.h"

namespace warifu {
namespace {

using testing::Contains;
using testing::HasSubstr;

class OpenRecords : public RecordFixture {};

TEST_F(OpenRecords, TheFormatIsKnownByNameOrFirstBytes) {
  ASSERT_TRUE(write_npy(folder() / "odd-name", FloatMatrix(1, 1, {1})));
  EXPECT_EQ(detect_format(folder() / "odd-name"), "features");
  EXPECT_EQ(detect_format(save("a.csv", "{not json}\n")), "csv");
  EXPECT_EQ(detect_format(save("a.TSV", "")), "csv");
  EXPECT_EQ(detect_format(save("a.jsonl", "x")), "jsonl");
  EXPECT_EQ(detect_format(save("a.ndjson", "")), "jsonl");
  EXPECT_EQ(detect_format(save("export", "\xEF\xBB\xBF {\"id\":1}\n")), "jsonl");
  EXPECT_EQ(detect_format(save("export.txt", "id,text\n")), "csv");
  // the first bytes end within a character
  EXPECT_EQ(detect_format(save("wide", "id," + std::string(4092, 'x') + "割符,text\n")), "csv");
  EXPECT_EQ(detect_format(save_compressed("b.csv.gz", "x")), "csv");
  EXPECT_EQ(detect_format(save_compressed("c.gz", "{\"id\":1}")), "jsonl");
  EXPECT_EQ(detect_format(folder()), "folder");
}

TEST_F(OpenRecords, AnUnknownFormatIsRefusedWithTheList) {
  const auto unknown = detect_format(save("x.bin", std::string_view("\x00\x01\x02,", 4)));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  for (const std::string_view format : reader_formats())
    EXPECT_THAT(unknown.error().hint, HasSubstr(std::string(format)));
  SourceOptions options;
  options.format = "parquet";
  const auto opened = open_records(folder() / "x.bin", options);
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(opened.error().message, HasSubstr("'parquet'"));
  EXPECT_THAT(opened.error().hint, HasSubstr("auto, "));
}

TEST_F(OpenRecords, APathThatDoesNotExistIsNotFoundInEveryFormat) {
  EXPECT_EQ(detect_format(folder() / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(open_records("", {}).error().message, "no file or folder was named");
  for (const std::string_view format : reader_formats()) {
    SourceOptions options;
    options.format = format;
    const auto opened = open_records(folder() / "none", options);
    ASSERT_FALSE(opened) << format;
    EXPECT_EQ(opened.error().code, ErrorCode::kNotFound) << format;
  }
}

TEST_F(OpenRecords, AFolderIsNotAFileNorAFileAFolder) {
  SourceOptions options;
  options.format = "csv";
  EXPECT_EQ(open_records(folder(), options).error().code, ErrorCode::kInvalidArgument);
  options.format = "folder";
  EXPECT_EQ(open_records(save("a.csv", "id,text\n"), options).error().code, ErrorCode::kInvalidArgument);
}

// What progress is told half-way, and at the end.
TEST_F(OpenRecords, HowManyRecordsThereAreIsToldWhileReading) {
  std::string csv = "id,text\n";
  std::string lines;
  for (int i = 1000; i < 1400; ++i) {
    csv += std::to_string(i) + ",text " + std::to_string(i) + "\n";
    lines += "{\"id\":\"" + std::to_string(i) + "\",\"text\":\"words\"}\n";
    save("photos/" + std::to_string(i % 20) + "/" + std::to_string(i) + ".txt", "words");
  }
  for (const auto& path : {save("a.csv", csv), save("a.jsonl", lines), save_compressed("b.csv.gz", csv),
                           save_compressed("b.jsonl.gz", lines), folder() / "photos"}) {
    const auto reader = open_records(path, {});
    ASSERT_TRUE(reader) << path;
    for (int i = 0; i < 200; ++i) ASSERT_TRUE((*reader)->next()) << path;
    EXPECT_NEAR(static_cast<double>((*reader)->size_hint()), 400, 20) << path;
    while ((*reader)->next()) continue;
    EXPECT_EQ((*reader)->size_hint(), 400U) << path;
  }
}

}  // namespace
}  // namespace warifu
