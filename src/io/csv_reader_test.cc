#include "io/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "io/record_fixture.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Csv : public RecordFixture {
 protected:
  std::vector<RecordOrRejection> read(std::string_view text, const SourceOptions& options = {},
                                      const std::string& name = "pairs.csv") {
    return read_all(save(name, text), options);
  }
};

TEST_F(Csv, ReadsPairsWithLabelsAndAttributes) {
  SourceOptions options;
  options.label_columns = {"type"};
  const auto entries =
      read("id,image,text,type,year\n7,a/x.jpg,Blue shirt,Shirts,2011\n8,/abs/y.png,,Shoes,\n", options);
  ASSERT_EQ(entries.size(), 2U);
  ASSERT_TRUE(entries[0]) << entries[0].error().reason;
  EXPECT_EQ(entries[0]->place, "pairs.csv:2");
  EXPECT_EQ(entries[0]->id, "7");
  EXPECT_EQ(entries[0]->image_uri, (folder() / "a/x.jpg").string());
  EXPECT_EQ(entries[0]->text, "Blue shirt");
  EXPECT_THAT(entries[0]->labels, ElementsAre(Label{"type", "Shirts"}));
  EXPECT_THAT(entries[0]->attributes, ElementsAre(Label{"year", "2011"}));
  ASSERT_TRUE(entries[1]);
  EXPECT_EQ(entries[1]->image_uri, "/abs/y.png");
  EXPECT_FALSE(entries[1]->text);
  EXPECT_THAT(entries[1]->attributes, IsEmpty());
}

TEST_F(Csv, AColumnOfGroupsSaysWhoMaySeeAndMustSayIt) {
  SourceOptions options;
  options.group_column = "seen by";
  const auto entries =
      read("id,text,seen by\n1,x,design\n2,x, design | sales|\n3,x,*\n4,x,*|sales\n5,x,\n6,x, | \n", options);
  ASSERT_EQ(entries.size(), 6U);
  ASSERT_TRUE(entries[0]) << entries[0].error().reason;
  EXPECT_THAT(*entries[0]->groups, ElementsAre("design"));
  EXPECT_THAT(entries[0]->attributes, IsEmpty());
  EXPECT_THAT(*entries[1]->groups, ElementsAre("design", "sales"));
  EXPECT_THAT(*entries[2]->groups, IsEmpty()) << "everybody";
  EXPECT_THAT(*entries[3]->groups, ElementsAre("sales")) << "a star beside a name opens nothing";
  for (const std::size_t i : {4U, 5U}) {
    ASSERT_FALSE(entries[i]);
    EXPECT_THAT(entries[i].error().reason, HasSubstr("seen by"));
    EXPECT_THAT(entries[i].error().hint, HasSubstr("everybody"));
  }
  EXPECT_FALSE(read("id,text,seen by\n1,x,design\n").front()->groups) << "a column like any other, without the option";
  options.group_column = "groups";
  EXPECT_EQ(open_records(save("b.csv", "id,text\n1,x\n"), options).error().code, ErrorCode::kNotFound);
}

TEST_F(Csv, FieldsInQuotesHoldCommasLineEndsAndQuotes) {
  const auto entries = read("id,text\n1,\"a, \"\"b\"\"\nc\"\n2,plain \"inner\" quotes\n");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0]->text, "a, \"b\"\nc");
  EXPECT_EQ(entries[1]->text, "plain \"inner\" quotes");
  EXPECT_EQ(entries[1]->place, "pairs.csv:4");
}

TEST_F(Csv, ReadsByteOrderMarkCrlfAndAMissingLastLineEnd) {
  const auto entries = read("\xEF\xBB\xBFid,text\r\n1,割符\r\n\r\n2,x");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0]->id, "1");
  EXPECT_EQ(entries[0]->text, "割符");
  EXPECT_EQ(entries[1]->text, "x");
  EXPECT_EQ(entries[1]->place, "pairs.csv:4");
}

TEST_F(Csv, TabsAndSemicolonsSeparateToo) {
  EXPECT_EQ(read("id\ttext\n1\ta,b\n", {}, "pairs.tsv").at(0)->text, "a,b");
  EXPECT_EQ(read("id\ttext\n1\ta;b\n").at(0)->text, "a;b");  // open_clip writes tabs into .csv
  EXPECT_EQ(read("id;text\n1;a b\n").at(0)->text, "a b");    // as Excel does in much of Europe
}

TEST_F(Csv, ARowOfAnotherLengthIsRejectedWithItsLineAndTheRestIsRead) {
  const auto entries = read("id,text\n1,a\n2,b,c\n3\n4,d\n");
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_TRUE(entries[0]);
  ASSERT_FALSE(entries[1]);
  EXPECT_EQ(entries[1].error().place, "pairs.csv:3");
  EXPECT_EQ(entries[1].error().reason, "3 fields, the header has 2");
  EXPECT_EQ(entries[1].error().hint, "put quotes round fields that hold a comma");
  ASSERT_FALSE(entries[2]);
  EXPECT_EQ(entries[2].error().reason, "1 field, the header has 2");
  EXPECT_EQ(entries[3]->id, "4");
}

TEST_F(Csv, AQuoteThatNeverEndsCostsOneRow) {
  const auto entries = read("id,text\n1,a\n2,\"b\n3,c\n4,d\n");
  ASSERT_EQ(entries.size(), 4U);
  ASSERT_FALSE(entries[1]);
  EXPECT_EQ(entries[1].error().place, "pairs.csv:3");
  EXPECT_EQ(entries[1].error().reason, "a quoted field is opened here and never closed");
  EXPECT_EQ(entries[2]->id, "3");
  EXPECT_EQ(entries[3]->place, "pairs.csv:5");
}

TEST_F(Csv, TextBehindAClosingQuoteIsRejected) {
  const auto entries = read("id,text\n1,\"a\"b\n2,c\n");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].error().reason, "text follows a closing quote");
  EXPECT_EQ(entries[1]->id, "2");
}

TEST_F(Csv, RowsThatAreNotUtf8AreRejected) {
  const auto entries = read("id,text\n1,\xE3\x81\n2,\xC0\xAF\n3,\xED\xA0\x80\n4,ok\n");
  ASSERT_EQ(entries.size(), 4U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(entries[static_cast<std::size_t>(i)].error().reason, "is not UTF-8 text");
  EXPECT_TRUE(entries[3]);
  const std::string nul("id,text\n1,a\0b\n", 14);
  EXPECT_EQ(read(nul).at(0).error().reason, "a NUL byte");
}

TEST_F(Csv, ALineBeyondTheLimitIsSkippedNotLoaded) {
  const std::string huge(17 << 20, 'x');
  const auto entries =
      read("id,text\n1," + huge + "\n2,\"" + huge + "\"\n3,c\n4," + std::string(1 << 20, ',') + "\n5,e\n");
  ASSERT_EQ(entries.size(), 5U);
  EXPECT_EQ(entries[0].error().reason, "a line of more than 16 MiB");
  EXPECT_THAT(entries[1].error().reason, HasSubstr("not closed within 16 MiB"));
  EXPECT_EQ(entries[2]->id, "3");
  EXPECT_EQ(entries[2]->place, "pairs.csv:4");
  EXPECT_THAT(entries[3].error().reason, HasSubstr("more than 65536 fields"));
  EXPECT_EQ(entries[4]->place, "pairs.csv:6");
}

TEST_F(Csv, WithoutAnIdColumnThePictureOrTheRowNamesTheItem) {
  const auto entries = read("filepath,title\na.jpg,first\na.jpg,second caption\n,only text\n", {}, "coco.csv");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0]->id, "a.jpg");
  EXPECT_EQ(entries[0]->text, "first");
  EXPECT_EQ(entries[1]->id, "a.jpg#2");
  EXPECT_EQ(entries[2]->id, "coco:3");
  EXPECT_THAT(entries[2]->image_uri, IsEmpty());
}

TEST_F(Csv, ColumnsGoByTheNamesTheUserGives) {
  SourceOptions options;
  options.id_column = "sku";
  options.image_column = "photo";
  options.text_column = "name";
  options.image_root = "/pictures";
  options.label_columns = {"tags"};
  options.label_separator = "|";
  const auto entries = read("sku,photo,name,tags\nA1,1.jpg,cap,red|blue| \n", options);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0]->id, "A1");
  EXPECT_EQ(entries[0]->image_uri, "/pictures/1.jpg");
  EXPECT_EQ(entries[0]->text, "cap");
  EXPECT_THAT(entries[0]->labels, ElementsAre(Label{"tags", "red"}, Label{"tags", "blue"}));
}

TEST_F(Csv, AColumnThatDoesNotExistIsAnErrorThatListsThem) {
  SourceOptions options;
  options.label_columns = {"tpye"};
  const auto opened = open_records(save("pairs.csv", "id,text,type\n1,a,b\n"), options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(opened.error().message, "pairs.csv:1: no column is called 'tpye'");
  EXPECT_EQ(opened.error().hint, "columns: id, text, type");
  options = {};
  options.text_column = "caption";
  EXPECT_THAT(open_records(folder() / "pairs.csv", options).error().message, HasSubstr("'caption'"));
}

TEST_F(Csv, HeadersThatCannotWorkAreErrors) {
  const auto open = [&](std::string_view text) { return open_records(save("pairs.csv", text), {}); };
  EXPECT_EQ(open("id,text,text\n1,a,b\n").error().message, "pairs.csv:1: two columns are called 'text'");
  EXPECT_THAT(open("").error().message, HasSubstr("pairs.csv: is empty"));
  EXPECT_THAT(open("\n\r\n").error().message, HasSubstr("is empty"));
  EXPECT_THAT(open("name,price\n1,2\n").error().message, HasSubstr("no column is called 'image' or 'text'"));
  EXPECT_THAT(open("id,\"text\n1,2\n").error().message, HasSubstr("never closed"));
  EXPECT_THAT(open(std::string_view("\xFF\xFEi\0d\0,\0", 8)).error().message, HasSubstr("is UTF-16"));
  EXPECT_FALSE(open("id,text\n").value()->next());
}

TEST_F(Csv, AWebAddressIsRejectedBecauseNothingIsFetched) {
  const auto entries = read("id,image\n1,https://example.org/a.jpg\n");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_THAT(entries[0].error().reason, HasSubstr("nothing is fetched"));
}

TEST_F(Csv, ReadsCompressedFilesAndSaysWhenTheyAreCut) {
  std::string text = "id,text\n";
  for (int i = 0; i < 80000; ++i) text += std::to_string(i) + ",word" + std::to_string(i * 7919 % 10007) + "\n";
  const auto path = save_compressed("pairs.csv.gz", text);
  EXPECT_EQ(read_all(path, {}).size(), 80000U);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  const auto entries = read_all(path, {});
  ASSERT_FALSE(entries.empty());
  ASSERT_FALSE(entries.back());
  EXPECT_EQ(entries.back().error().reason, "the compressed data ends too early");
}

}  // namespace
}  // namespace warifu
