#include "io/jsonl_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/record_fixture.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Jsonl : public RecordFixture {
 protected:
  std::vector<RecordOrRejection> read(std::string_view text, const SourceOptions& options = {}) {
    return read_all(save("items.jsonl", text), options);
  }
};

TEST_F(Jsonl, ReadsIdsPicturesTextsLabelsAndAttributes) {
  const auto entries = read(
      "{\"id\":\"a\",\"image\":\"x.jpg\",\"text\":\"赤い靴\",\"labels\":[\"shoe\",\"red\"],\"year\":2011,\"new\":true}"
      "\n"
      "\n"
      "{\"id\":12,\"text\":\"t\",\"labels\":{\"type\":\"shirt\",\"colour\":[\"red\",\"blue\"]},\"note\":null}");
  ASSERT_EQ(entries.size(), 2U);
  ASSERT_TRUE(entries[0]) << entries[0].error().reason;
  EXPECT_EQ(entries[0]->id, "a");
  EXPECT_EQ(entries[0]->image_uri, (folder() / "x.jpg").string());
  EXPECT_EQ(entries[0]->text, "赤い靴");
  EXPECT_THAT(entries[0]->labels, ElementsAre(Label{"label", "shoe"}, Label{"label", "red"}));
  EXPECT_THAT(entries[0]->attributes, ElementsAre(Label{"new", "true"}, Label{"year", "2011"}));
  ASSERT_TRUE(entries[1]);
  EXPECT_EQ(entries[1]->id, "12");
  EXPECT_EQ(entries[1]->place, "items.jsonl:3");
  EXPECT_THAT(entries[1]->labels, ElementsAre(Label{"colour", "red"}, Label{"colour", "blue"}, Label{"type", "shirt"}));
  EXPECT_THAT(entries[1]->attributes, IsEmpty());
}

TEST_F(Jsonl, GroupsAreAListOrNamesBetweenBars) {
  SourceOptions options;
  options.group_column = "groups";
  const auto entries = read(
      "{\"id\":1,\"text\":\"x\",\"groups\":[\"design\",\"sales\"]}\n"
      "{\"id\":2,\"text\":\"x\",\"groups\":\"design|sales\"}\n"
      "{\"id\":3,\"text\":\"x\",\"groups\":\"*\"}\n"
      "{\"id\":4,\"text\":\"x\",\"groups\":null}\n"
      "{\"id\":5,\"text\":\"x\",\"groups\":[]}\n"
      "{\"id\":6,\"text\":\"x\",\"groups\":{\"a\":1}}\n"
      "{\"id\":7,\"text\":\"x\"}\n",
      options);
  ASSERT_EQ(entries.size(), 7U);
  EXPECT_THAT(*entries[0]->groups, ElementsAre("design", "sales"));
  EXPECT_THAT(*entries[1]->groups, ElementsAre("design", "sales"));
  EXPECT_THAT(*entries[2]->groups, IsEmpty());
  for (std::size_t i = 3; i < 7; ++i) EXPECT_FALSE(entries[i]) << i;
}

TEST_F(Jsonl, KeysNamedAsLabelColumnsAreLabels) {
  SourceOptions options;
  options.label_columns = {"type"};
  const auto entries = read(R"({"id":"a","text":"t","type":["x","y"],"tags":["p","q"],"deep":{"k":[1]}})", options);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_THAT(entries[0]->labels, ElementsAre(Label{"type", "x"}, Label{"type", "y"}));
  EXPECT_THAT(entries[0]->attributes,
              ElementsAre(Label{"deep", R"({"k":[1]})"}, Label{"tags", "p"}, Label{"tags", "q"}));
}

TEST_F(Jsonl, ABadLineIsRejectedWithItsNumberAndTheRestIsRead) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{\"id\":\"a\"", "is not JSON: parse error"},
      {"[1,2]", "is array, expected an object"},
      {"nonsense", "is not JSON"},
      {"{\"id\":\"a\",\"text\":\"\xFF\"}", "is not JSON"},
      {R"({"id":"a","text":7})", "the value of 'text' is number, expected a string"},
      {R"({"id":["a"],"text":"t"})", "the value of 'id' is array"},
      {R"({"id":"a","image":{},"text":"t"})", "the value of 'image' is object"},
      {R"({"id":"a","text":"t","labels":[["x"]]})", "'label' is array, expected values"},
      {R"({"id":"a","text":"t","labels":{"k":{"x":1}}})", "'k' is object"},
      {R"({"id":"a","id":"b","text":"t"})", "the key 'id' occurs twice"},
      {R"({"id":"a"})", "neither a picture nor a text"},
      {R"({"id":"","text":"t"})", "the id is empty"},
      {R"({"id":"a\nb","text":"t"})", "control character"},
      {R"({"id":"a","text":"x\u0000y"})", "holds a NUL"},
      {R"({"id":"a","image":"x\u0000y"})", "NUL"},
      {"{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}", "nested more than 32 deep"},
  };
  for (const auto& [line, reason] : cases) {
    const auto entries = read("{\"id\":\"first\",\"text\":\"t\"}\r\n" + line + "\n{\"id\":\"last\",\"text\":\"t\"}\n");
    ASSERT_EQ(entries.size(), 3U) << line;
    EXPECT_EQ(entries[0]->id, "first");
    ASSERT_FALSE(entries[1]) << line;
    EXPECT_EQ(entries[1].error().place, "items.jsonl:2");
    EXPECT_THAT(entries[1].error().reason, HasSubstr(reason)) << line;
    EXPECT_EQ(entries[2]->id, "last");
  }
}

TEST_F(Jsonl, ALineBeyondTheLimitIsSkippedNotLoaded) {
  const auto entries =
      read("{\"id\":\"a\",\"text\":\"" + std::string(17 << 20, 'x') + "\"}\n{\"id\":\"b\",\"text\":\"t\"}\n");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].error().reason, "a line of more than 16 MiB");
  EXPECT_EQ(entries[1]->id, "b");
  EXPECT_EQ(entries[1]->place, "items.jsonl:2");
}

TEST_F(Jsonl, DeeplyNestedInputOfManyBytesIsRefusedQuickly) {
  const auto entries = read("{\"a\":" + std::string(8 << 20, '[') + "\n{\"id\":\"b\",\"text\":\"t\"}\n");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_THAT(entries[0].error().reason, HasSubstr("nested"));
}

TEST_F(Jsonl, IdsAreDerivedWhereThereAreNone) {
  const auto entries = read("{\"filepath\":\"a.jpg\",\"title\":\"x\"}\n{\"text\":\"y\"}\n");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0]->id, "a.jpg");
  EXPECT_EQ(entries[0]->text, "x");
  EXPECT_EQ(entries[1]->id, "items:2");
}

TEST_F(Jsonl, AnIdThatIsUsedTwiceIsRejectedTheSecondTime) {
  const auto entries = read("{\"id\":\"a\",\"text\":\"x\"}\n{\"id\":\"a\",\"text\":\"y\"}\n");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_TRUE(entries[0]);
  EXPECT_THAT(entries[1].error().reason, HasSubstr("the id 'a' was used before"));
}

TEST_F(Jsonl, ALabelColumnThatNoRecordHasIsTheLastRejection) {
  SourceOptions options;
  options.label_columns = {"type", "tpye"};
  const auto entries = read("{\"id\":\"a\",\"text\":\"x\",\"type\":\"t\"}\n", options);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1].error().place, "items.jsonl");
  EXPECT_EQ(entries[1].error().reason, "no record has a value in label column 'tpye'");
}

TEST_F(Jsonl, AnEmptyFileHasNoRecords) { EXPECT_THAT(read(""), IsEmpty()); }

}  // namespace
}  // namespace warifu
