#include "evaluate/relevance.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/parallel.h"
#include "base/rng.h"

namespace warifu {
namespace {

using Kind = RelevanceRule::Kind;

std::vector<int> gains_of_first(const std::vector<ItemLabels>& queries, const std::vector<ItemLabels>& database,
                                Kind kind) {
  const RelevanceMatrix gains = relevance(queries, database, kind);
  return {gains.row(0).begin(), gains.row(0).end()};
}

TEST(Relevance, CountsSharedValuesAndAllAsksForOneInEveryColumn) {
  // columns: article type, colours
  const std::vector<ItemLabels> query = {{{0}, {3, 5}}};
  const std::vector<ItemLabels> database = {
      {{0}, {3}},        // same type, one colour
      {{1}, {3, 5}},     // another type, both colours
      {{0}, {}},         // same type, no colour known
      {{0}, {3, 4, 5}},  // same type, both colours
      {{7}, {9}},        // nothing
  };
  EXPECT_EQ(gains_of_first(query, database, Kind::kAny), (std::vector<int>{2, 2, 1, 3, 0}));
  EXPECT_EQ(gains_of_first(query, database, Kind::kGraded), (std::vector<int>{2, 2, 1, 3, 0}));
  EXPECT_EQ(gains_of_first(query, database, Kind::kAll), (std::vector<int>{2, 0, 0, 3, 0}));
}

TEST(Relevance, DoesNotMixTheSameIdInTwoColumns) {
  EXPECT_EQ(gains_of_first({{{4}, {}}}, {{{}, {4}}}, Kind::kAny), (std::vector<int>{0}));
}

TEST(Relevance, OfAValueThatNoDatabaseItemHasIsZero) {
  EXPECT_EQ(gains_of_first({{{4'000'000'000}}}, {{{0}}}, Kind::kAny), (std::vector<int>{0}));
}

TEST(Relevance, StopsAt255SharedValues) {
  std::vector<std::uint32_t> many(300);
  for (std::uint32_t i = 0; i < many.size(); ++i) many[i] = i;
  EXPECT_EQ(gains_of_first({{many}}, {{many}}, Kind::kGraded), (std::vector<int>{255}));
  EXPECT_EQ(gains_of_first({{many}}, {{many}}, Kind::kAll), (std::vector<int>{255}));
}

TEST(Relevance, WithoutItemsOrColumnsIsEmptyOrZero) {
  const std::vector<ItemLabels> none;
  const std::vector<ItemLabels> two = {{{1}}, {{2}}};
  EXPECT_EQ(relevance(two, none, Kind::kAny).queries(), 2U);
  EXPECT_EQ(relevance(two, none, Kind::kAny).database(), 0U);
  EXPECT_EQ(relevance(none, two, Kind::kAny).queries(), 0U);
  EXPECT_EQ(gains_of_first({{}}, {{}, {}}, Kind::kAny), (std::vector<int>{0, 0}));
  EXPECT_EQ(gains_of_first({{}}, {{}, {}}, Kind::kAll), (std::vector<int>{0, 0}));
}

std::vector<ItemLabels> random_items(std::size_t count, std::size_t columns, Rng& rng) {
  std::vector<ItemLabels> items(count, ItemLabels(columns));
  for (ItemLabels& item : items)
    for (std::vector<std::uint32_t>& values : item)
      for (std::uint32_t value = 0; value < 9; ++value)
        if (rng.below(4) == 0) values.push_back(value);
  return items;
}

TEST(Relevance, EqualsComparingEveryPairForAnyNumberOfThreads) {
  Rng rng(9);
  for (const std::size_t columns : {1U, 3U}) {
    const std::vector<ItemLabels> queries = random_items(120, columns, rng);
    const std::vector<ItemLabels> database = random_items(200, columns, rng);
    for (const Kind kind : {Kind::kAny, Kind::kAll, Kind::kGraded}) {
      for (const std::size_t threads : {1U, 3U}) {
        set_thread_count(threads);
        const RelevanceMatrix gains = relevance(queries, database, kind);
        for (std::size_t q = 0; q < queries.size(); ++q)
          for (std::size_t d = 0; d < database.size(); ++d) {
            std::size_t shared = 0;
            bool every_column = true;
            for (std::size_t c = 0; c < columns; ++c) {
              std::vector<std::uint32_t> both;
              std::ranges::set_intersection(queries[q][c], database[d][c], std::back_inserter(both));
              shared += both.size();
              every_column = every_column && !both.empty();
            }
            ASSERT_EQ(gains.row(q)[d], kind == Kind::kAll && !every_column ? 0 : shared);
          }
      }
    }
  }
  set_thread_count(0);
}

}  // namespace
}  // namespace warifu
