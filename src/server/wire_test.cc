#include "server/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu::wire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<ServiceQuery> query(std::string_view text) {
  const auto json = parse(text);
  if (!json) return std::unexpected(json.error());
  return read_query(*json, nullptr);
}

TEST(Wire, AQueryIsReadAsItIsWritten) {
  const auto read = query(R"({"text":"red shirt","find":"image","limit":3,"rerank":true,"min_probability":0.5,
    "weights":{"code":2,"words":0},"filter":{"all":[{"column":"colour","in":["red"]},{"not":{"any":[]}}]}})");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->text, "red shirt");
  EXPECT_EQ(read->find, Find::kImage);
  EXPECT_EQ(read->limit, 3U);
  EXPECT_TRUE(read->rerank);
  EXPECT_EQ(read->weights.code, 2);
  EXPECT_EQ(read->weights.words, 0);
  EXPECT_FALSE(read->weights.text);
  ASSERT_EQ(read->filter->parts.size(), 2U);
  EXPECT_EQ(read->filter->parts[0].column, "colour");
  EXPECT_EQ(read->filter->parts[1].kind, Filter::Kind::kNot);
}

TEST(Wire, AJudgementSaysRightOrWrongOrTakesBackAndNothingElse) {
  const auto read = [](std::string_view text) { return read_feedback(*parse(text), nullptr); };
  const auto right = read(R"({"text":"pump","id":"a","right":true,"rank":2,"distance":0,"confidence":"weak"})");
  ASSERT_TRUE(right) << right.error().message;
  EXPECT_EQ(right->right, true);
  EXPECT_EQ(right->item, "a");
  EXPECT_EQ(right->rank, 2U);
  EXPECT_EQ(right->distance, 0U);
  EXPECT_FALSE(read(R"({"item_id":"b","id":"a","right":null})")->right);
  for (const char* wrong :
       {R"({"text":"pump","id":"a"})", R"({"text":"pump","right":true})", R"({"text":"pump","id":"a","right":1})",
        R"({"text":"pump","id":"a","right":true,"confidence":"sure"})", R"({"text":"pump","id":"\n","right":true})",
        R"({"text":"pump","id":"a","right":true,"rank":0.5})", R"({"text":"pump","id":"a","right":true,"why":""})"})
    EXPECT_EQ(read(wrong).error().code, ErrorCode::kInvalidArgument) << wrong;
}

TEST(Wire, WhatIsWrongIsNamed) {
  const auto message = [](std::string_view text) {
    const auto read = query(text);
    return read ? std::string("no error") : read.error().message;
  };
  EXPECT_THAT(message(R"({"txet":"x"})"), HasSubstr("no 'txet'"));
  EXPECT_THAT(message(R"({"text":3})"), HasSubstr("'text' of the query is not a text"));
  EXPECT_THAT(message(R"({"limit":0})"), HasSubstr("'limit'"));
  EXPECT_THAT(message(R"({"limit":1.5})"), HasSubstr("whole number"));
  EXPECT_THAT(message(R"({"limit":1e300})"), HasSubstr("'limit'"));
  EXPECT_THAT(message(R"({"find":"everything"})"), HasSubstr("'everything'"));
  EXPECT_THAT(message(R"({"filter":{"column":"a"}})"), HasSubstr("a filter is one of"));
  EXPECT_THAT(message(R"({"filter":{"all":[],"any":[]}})"), HasSubstr("a filter is one of"));
  EXPECT_THAT(message(R"({"weights":{"code":-1}})"), HasSubstr("'code'"));
  EXPECT_THAT(message(R"({"image":"!"})"), HasSubstr("base64"));
  EXPECT_THAT(message(R"({"cursor":"???"})"), HasSubstr("'cursor'"));
  EXPECT_THAT(message("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(message("{"), HasSubstr("not JSON"));
  EXPECT_THAT(message("{\"text\":\"\xFF\"}"), HasSubstr("not JSON"));
}

TEST(Wire, NestingIsBounded) {
  std::string filter = R"({"column":"a","in":[]})";
  for (int i = 0; i < 40; ++i) filter = R"({"not":)" + filter + "}";
  EXPECT_THAT(query(R"({"filter":)" + filter + "}").error().message, HasSubstr("nested"));
  EXPECT_FALSE(parse(std::string(100000, '[')));
}

TEST(Wire, ACursorComesBackAsItWas) {
  for (const char* place : {"", "20", "id with / and 日本"}) EXPECT_EQ(read_cursor(write_cursor(place)), place);
}

TEST(Wire, APictureComesInTheTextOrBesideItButNotTwice) {
  const auto json = parse(R"({"image":"aGVsbG8="})");
  const auto inside = read_query(*json, nullptr);
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->picture->size(), 5U);
  const std::string_view part = "bytes";
  EXPECT_FALSE(read_query(*json, &part));
  const auto beside = read_query(Json::object(), &part);
  ASSERT_TRUE(beside);
  EXPECT_EQ(beside->picture->size(), 5U);
}

TEST(Wire, AnItemSaysWhatItGivesAndNothingElse) {
  const auto json = parse(R"({"text":"x","labels":{"colour":["red","blue"],"kind":"bag"},"groups":["lab"]})");
  const auto item = read_item(*json, "a/b", {});
  ASSERT_TRUE(item);
  EXPECT_EQ(item->id, "a/b");
  EXPECT_THAT(*item->labels, ElementsAre(Label{"colour", "red"}, Label{"colour", "blue"}, Label{"kind", "bag"}));
  EXPECT_FALSE(item->attributes);
  EXPECT_THAT(*item->groups, ElementsAre("lab"));
}

TEST(Wire, ACodeIsWrittenLowestBitFirst) {
  const EncodedContent encoded{
      .space = "s", .bits = 16, .fingerprint = "f", .modality = Modality::kText, .code = {0x8001}, .embedding = {}};
  EXPECT_EQ(write(encoded)["code"], "0180");
}

}  // namespace
}  // namespace warifu::wire
