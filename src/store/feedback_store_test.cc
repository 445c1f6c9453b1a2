#include "store/feedback_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/child_for_test.h"
#include "base/file.h"
#include "base/fresh_folder_for_test.h"
#include "base/hash.h"
#include "store/judgement_for_test.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::array kPictureBytes = {std::byte{1}, std::byte{2}, std::byte{3}};

std::unique_ptr<FeedbackStore> opened(const std::filesystem::path& folder) {
  auto store = FeedbackStore::open(folder);
  EXPECT_TRUE(store) << store.error().message;
  return store ? *std::move(store) : nullptr;
}

std::vector<std::string> told(const FeedbackStore& store, std::size_t limit = 100) {
  const auto all = store.judgements(limit);
  EXPECT_TRUE(all) << all.error().message;
  std::vector<std::string> lines;
  for (const Judgement& one : *all)
    lines.push_back(one.who + ": " + one.query.text + " / " + one.item + (one.right ? " right" : " wrong"));
  return lines;
}

TEST(FeedbackStore, TheLastJudgementOfAPersonOnAQueryAndItemCounts) {
  const auto store = opened(fresh_folder() / "feedback");
  ASSERT_TRUE(store->put(judged("pump", "a", "hana", true)));
  ASSERT_TRUE(store->put(judged("pump", "b", "hana", false)));
  ASSERT_TRUE(store->put(judged("pump", "a", "taro", true)));
  ASSERT_TRUE(store->put(judged("pump", "a", "hana", false)));
  EXPECT_THAT(told(*store), ElementsAre("hana: pump / a wrong", "taro: pump / a right", "hana: pump / b wrong"))
      << "newest first";
  EXPECT_THAT(told(*store, 1), ElementsAre("hana: pump / a wrong"));
  const auto counts = store->counts();
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->right, 1U);
  EXPECT_EQ(counts->wrong, 2U);
  EXPECT_EQ(counts->queries, 1U);
}

TEST(FeedbackStore, KeepsHowTheAnswerShowedTheItemAndWhatIsNotKnownStaysUnknown) {
  const auto store = opened(fresh_folder() / "feedback");
  Judgement one = judged("赤いポンプ", "a", "hana", true);
  one.rank = 3;
  one.distance = 0;
  one.confidence = "likely";
  one.time = std::chrono::sys_days(std::chrono::year(2026) / 11 / 29);
  ASSERT_TRUE(store->put(one));
  ASSERT_TRUE(store->put(judged("", "b", "hana", true)));
  const auto all = store->judgements(10);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[1].query.text, one.query.text);
  EXPECT_EQ((*all)[1].rank, one.rank);
  EXPECT_EQ((*all)[1].distance, one.distance);
  EXPECT_EQ((*all)[1].confidence, "likely");
  EXPECT_EQ((*all)[1].time, one.time);
  EXPECT_FALSE((*all)[0].rank);
  EXPECT_FALSE((*all)[0].distance);
}

TEST(FeedbackStore, QueriesHaveTheSameIdOnlyIfAllOfThemIsTheSame) {
  const JudgedQuery query{"a", "b", "c"};
  EXPECT_EQ(query.id(), (JudgedQuery{"a", "b", "c"}.id()));
  EXPECT_EQ(query.id().size(), 32U);
  EXPECT_NE(query.id(), (JudgedQuery{"ab", "", "c"}.id()));
  EXPECT_NE(query.id(), (JudgedQuery{"a", "c", "b"}.id()));
  EXPECT_NE((JudgedQuery{"1:a", "", ""}.id()), (JudgedQuery{"1", "", "a"}.id()));
}

TEST(FeedbackStore, AQueryGoesWithItsLastJudgementAndItsPictureToo) {
  const auto store = opened(fresh_folder() / "feedback");
  Judgement one = judged("", "a", "hana", true);
  one.query.picture = content_hash(kPictureBytes);
  const auto file = store->pictures() / FeedbackStore::picture_name(one.query.picture);
  ASSERT_TRUE(store->put(one, kPictureBytes));
  one.who = "taro";
  ASSERT_TRUE(store->put(one, kPictureBytes));
  ASSERT_TRUE(store->take_back(one.query, "a", "hana"));
  EXPECT_EQ(store->counts()->queries, 1U);
  EXPECT_TRUE(std::filesystem::exists(file));
  ASSERT_TRUE(store->take_back(one.query, "a", "taro"));
  EXPECT_EQ(store->counts()->queries, 0U);
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_TRUE(store->take_back(one.query, "a", "taro")) << "there is none any more";
  EXPECT_THAT(told(*store), IsEmpty());
}

TEST(FeedbackStore, APictureOfSeveralQueriesStaysForTheOthers) {
  const auto store = opened(fresh_folder() / "feedback");
  Judgement alone = judged("", "a", "hana", true);
  Judgement with_words = judged("rusty", "a", "hana", true);
  for (Judgement* one : {&alone, &with_words}) {
    one->query.picture = content_hash(kPictureBytes);
    ASSERT_TRUE(store->put(*one, kPictureBytes));
  }
  ASSERT_TRUE(store->take_back(alone.query, "a", "hana"));
  EXPECT_EQ(read_file(store->pictures() / FeedbackStore::picture_name(alone.query.picture), 100)->size(),
            kPictureBytes.size());
}

TEST(FeedbackStore, ABackupHoldsJudgementsAndPictures) {
  const auto folder = fresh_folder();
  const auto store = opened(folder / "feedback");
  Judgement one = judged("", "a", "hana", true);
  one.query.picture = content_hash(kPictureBytes);
  ASSERT_TRUE(store->put(one, kPictureBytes));
  const auto done = store->backup(folder / "copy");
  ASSERT_TRUE(done) << done.error().message;
  const auto copy = opened(folder / "copy");
  EXPECT_EQ(copy->counts()->right, 1U);
  EXPECT_TRUE(std::filesystem::exists(copy->pictures() / FeedbackStore::picture_name(one.query.picture)));
}

TEST(FeedbackStore, KeepsEveryJudgementWhenItsWriterIsKilled) {
  const auto folder = fresh_folder() / "feedback";
  ASSERT_TRUE(opened(folder));
  std::int64_t kept = 0;  // judgements that the writers have told of
  for (int round = 0; round < 5; ++round) {
    Child<std::int64_t> writer([&](const auto& tell) {
      auto store = FeedbackStore::open(folder);
      if (!store) return 1;
      for (std::int64_t i = kept;; ++i) {
        if (!(*store)->put(judged("query " + std::to_string(i), "item", "hana", true))) return 2;
        tell(i);
      }
    });
    while (const auto told_of = writer.hear()) {
      kept = *told_of + 1;
      if (*told_of % 10 == 9) break;
    }
    writer.kill();
    while (const auto told_of = writer.hear()) kept = *told_of + 1;
    const auto counts = opened(folder)->counts();
    ASSERT_TRUE(counts);
    EXPECT_GE(counts->right, static_cast<std::size_t>(kept));
    kept = static_cast<std::int64_t>(counts->right);
  }
}

}  // namespace
}  // namespace warifu
