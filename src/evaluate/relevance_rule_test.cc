#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evaluate/relevance.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(RelevanceRule, NamesAKindAndTheColumnsThatCount) {
  const auto any = RelevanceRule::parse("any:articleType");
  ASSERT_TRUE(any);
  EXPECT_EQ(any->kind, RelevanceRule::Kind::kAny);
  EXPECT_THAT(any->columns, ElementsAre("articleType"));
  const auto all = RelevanceRule::parse("all:articleType,baseColour");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->kind, RelevanceRule::Kind::kAll);
  EXPECT_THAT(all->columns, ElementsAre("articleType", "baseColour"));
  const auto graded = RelevanceRule::parse("graded: 商品 種別 ,labels");
  ASSERT_TRUE(graded);
  EXPECT_EQ(graded->kind, RelevanceRule::Kind::kGraded);
  EXPECT_THAT(graded->columns, ElementsAre("商品 種別", "labels"));
}

TEST(RelevanceRule, WithoutColumnsMeansEveryColumn) {
  for (const char* text : {"any", "all", "graded"}) {
    const auto rule = RelevanceRule::parse(text);
    ASSERT_TRUE(rule) << text;
    EXPECT_THAT(rule->columns, IsEmpty()) << text;
  }
}

TEST(RelevanceRule, ExplainsTheGrammarToWhoeverMissesIt) {
  for (const char* text : {"", ":", "some:labels", "Any", "any:", "any:a,", "any:,a", "any: ,a", "all:a,b,a"}) {
    const auto rule = RelevanceRule::parse(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_EQ(rule.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(rule.error().message, HasSubstr("relevance '" + std::string(text) + "'"));
    EXPECT_THAT(rule.error().hint, HasSubstr("all:articleType,baseColour"));
  }
}

}  // namespace
}  // namespace warifu
