#include "text/keyword_terms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "text/normalize.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> phrases_of(std::string_view text) { return keyword_query(text).phrases; }

TEST(KeywordDocument, KeepsWordsAndPairsEastAsianCharacters) {
  EXPECT_EQ(keyword_document("Navy Blue SHIRT"), "navy blue shirt");
  EXPECT_EQ(keyword_document("雪だるま"), "雪だ だる るま ま");
  EXPECT_EQ(keyword_document("大雪"), "大雪 雪");
  EXPECT_EQ(keyword_document("雪"), "雪");
  EXPECT_EQ(keyword_document("スキー 場"), "スキ キー ー 場");
  EXPECT_EQ(keyword_document("눈사람"), "눈사 사람 람");
  EXPECT_EQ(keyword_document("A4用紙100枚"), "a4 用紙 紙 100 枚");
  EXPECT_EQ(keyword_document("人々、〆切"), "人々 々 〆切 切");
  EXPECT_EQ(keyword_document(""), "");
  EXPECT_EQ(keyword_document(" — 、。!"), "");
}

TEST(KeywordDocument, CutsNamesOfFilesAndParts) {
  EXPECT_EQ(keyword_document("IMG_0042.jpg"), "img 0042 jpg");
  EXPECT_EQ(keyword_document("ABC-123"), "abc 123");
}

TEST(KeywordDocument, ReadsFullAndHalfWidthAsTheSame) {
  EXPECT_EQ(keyword_document("ＡＢＣ－１２３"), "abc 123");
  EXPECT_EQ(keyword_document("ﾀﾞﾙﾏ"), keyword_document("ダルマ"));
}

TEST(KeywordDocument, KeepsMarksWithTheirLetter) {
  EXPECT_EQ(keyword_document("हिन्दी"), "हिन्दी");
  EXPECT_EQ(keyword_document("か\u309Aな"), "か\u309Aな な") << "a mark that NFKC cannot join";
  EXPECT_EQ(keyword_document("\u0301 a"), "a");
}

TEST(KeywordQuery, MakesEachWordAPhrase) {
  const KeywordQuery query = keyword_query("Red shirts  red");
  EXPECT_THAT(query.phrases, ElementsAre("\"red\"", "\"shirts\""));
  EXPECT_THAT(query.words, ElementsAre("red", "shirts"));
}

TEST(KeywordQuery, KeepsTogetherWhatOneSignJoins) {
  const KeywordQuery query = keyword_query("IMG_0042.jpg, ABC-123 red,blue men's -x-");
  EXPECT_THAT(query.phrases,
              ElementsAre("\"img 0042 jpg\"", "\"abc 123\"", "\"red\"", "\"blue\"", "\"men s\"", "\"x\""));
  EXPECT_THAT(query.words, ElementsAre("img_0042.jpg", "abc-123", "red", "blue", "men's", "x"));
}

TEST(KeywordQuery, CutsJapaneseIntoWords) {
  const KeywordQuery query = keyword_query("赤いシャツの男");
  EXPECT_THAT(query.words, ElementsAre("赤い", "シャツ", "男"));
  EXPECT_THAT(query.phrases, ElementsAre("\"赤い\"", "\"シャ ャツ\"", "\"男\"*"));
}

TEST(KeywordQuery, AsksForAParticleOnlyWhereThereIsNothingElse) {
  EXPECT_THAT(phrases_of("の"), ElementsAre("\"の\"*"));
  EXPECT_THAT(phrases_of("の を"), ElementsAre("\"の\"*", "\"を\"*"));
  EXPECT_THAT(phrases_of("の shirt"), ElementsAre("\"shirt\""));
}

TEST(KeywordQuery, TakesOperatorsAsWordsOrDropsThem) {
  EXPECT_THAT(phrases_of("\" NOT * NEAR("), ElementsAre("\"not\"", "\"near\""));
  EXPECT_THAT(phrases_of("name:x AND -y ^z {c b} +"),
              ElementsAre("\"name\"", "\"x\"", "\"y\"", "\"z\"", "\"c\"", "\"b\""));
  EXPECT_THAT(phrases_of("\"*()^:+-"), IsEmpty());
  EXPECT_THAT(phrases_of(std::string_view("c\0\"b", 4)), ElementsAre("\"c\"", "\"b\""));
}

TEST(KeywordQuery, IsBoundedWhateverIsAsked) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "w" + std::to_string(i) + " ";
  EXPECT_EQ(phrases_of(many).size(), kMaxKeywordPhrases);
  std::string run;
  for (int i = 0; i < 100000; ++i) run += "ア";
  std::size_t bytes = 0;
  for (const std::string& phrase : phrases_of(run)) bytes += phrase.size();
  EXPECT_LT(bytes, 4 * kMaxKeywordQueryBytes);
}

TEST(KeywordQuery, MeetsAnyBytes) {
  EXPECT_EQ(keyword_document("a\xFFsnow\xE9"), "a snow");
  Rng rng(5);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(rng.below(40), '\0');
    for (char& c : bytes) c = static_cast<char>(rng.next());
    const KeywordQuery query = keyword_query(bytes);
    ASSERT_EQ(query.phrases.size(), query.words.size());
    for (const std::string& phrase : query.phrases) {
      ASSERT_EQ(first_invalid_utf8(phrase), std::string::npos);
      ASSERT_EQ(std::ranges::count(phrase, '"'), 2);
    }
    ASSERT_EQ(first_invalid_utf8(keyword_document(bytes)), std::string::npos);
  }
}

TEST(KeywordTerms, EnglishFunctionWordsAreAskedOnlyWhereNothingElseIs) {
  EXPECT_EQ(keyword_query("the shirt of a man").words, (std::vector<std::string>{"shirt", "man"}));
  EXPECT_EQ(keyword_query("the").words, (std::vector<std::string>{"the"}));
}

}  // namespace
}  // namespace warifu
