#include "engine/feedback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"
#include "base/hash.h"
#include "store/judgement_for_test.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Feedback, WhatMostSayIsWhatIsSaidAndWhereTheyAreDividedNothingIs) {
  const std::string query = JudgedQuery{"pump", "", ""}.id();
  std::vector<std::string> told;
  for (const AgreedJudgement& one : agreed({judged("pump", "a", "hana", true), judged("pump", "a", "taro", true),
                                            judged("pump", "a", "jiro", false), judged("pump", "b", "hana", true),
                                            judged("pump", "b", "taro", false), judged("pump", "c", "hana", false)})) {
    EXPECT_EQ(one.query, query);
    told.push_back(one.item + (one.right ? " right" : " wrong"));
  }
  EXPECT_THAT(told, ElementsAre("a right", "c wrong"));
}

TEST(Feedback, QueriesAreWrittenOnceEachAsSearchReadsThem) {
  const auto folder = fresh_folder();
  WorkspaceFeedback feedback;
  feedback.pictures = folder / "pictures";
  feedback.judgements = {judged("赤い \"pump\"", "a", "hana", true), judged("赤い \"pump\"", "b", "taro", false),
                         judged("", "c", "hana", true), judged("", "d", "hana", true)};
  feedback.judgements[2].query.picture = content_hash(std::string_view("bytes"));
  feedback.judgements[3].query.item_id = "pump-7";
  ASSERT_TRUE(write_judged_queries(folder / "queries.jsonl", feedback));
  const auto text = read_text_file(folder / "queries.jsonl", 10'000);
  ASSERT_TRUE(text);
  EXPECT_EQ(std::ranges::count(*text, '\n'), 3);
  EXPECT_THAT(*text, HasSubstr(R"("text":"赤い \"pump\"")"));
  EXPECT_THAT(*text, HasSubstr(feedback.picture(feedback.judgements[2].query).string()));
  EXPECT_THAT(*text, HasSubstr(R"("like":"pump-7")"));
  EXPECT_THAT(*text, Not(HasSubstr("hana")));
}

}  // namespace
}  // namespace warifu
