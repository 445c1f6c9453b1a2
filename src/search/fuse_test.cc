#include "search/fuse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

std::vector<std::int64_t> rows_of(const std::vector<FusedHit>& hits) {
  std::vector<std::int64_t> rows;
  for (const FusedHit& hit : hits) rows.push_back(hit.row);
  return rows;
}

TEST(Fuse, WhatBothChannelsRankWellComesFirst) {
  const std::vector<RankedChannel> channels = {{.rows = {7, 8, 9}}, {.rows = {9, 7}}};
  const auto fused = fuse_reciprocal_ranks(channels);
  // 7: 1/61 + 1/62; 9: 1/63 + 1/61; 8: 1/62; the most is 2/61.
  EXPECT_THAT(rows_of(fused), ElementsAre(7, 9, 8));
  EXPECT_THAT(fused[0].score, DoubleNear((1.0 / 61 + 1.0 / 62) / (2.0 / 61), 1e-12));
  EXPECT_THAT(fused[2].score, DoubleNear((1.0 / 62) / (2.0 / 61), 1e-12));
  EXPECT_EQ(fused[0].channels, 3U);
  EXPECT_EQ(fused[2].channels, 1U);
}

TEST(Fuse, TheOnlyChannelKeepsItsOrderAndItsBestScoresOne) {
  const std::vector<RankedChannel> channels = {{.rows = {5, 3, 4}}, {}};
  const auto fused = fuse_reciprocal_ranks(std::span(channels).first(1));
  EXPECT_THAT(rows_of(fused), ElementsAre(5, 3, 4));
  EXPECT_THAT(fused[0].score, DoubleNear(1, 1e-12));
}

TEST(Fuse, RowsAtOneDistanceShareTheBestOfTheirRanks) {
  const std::vector<RankedChannel> channels = {{.rows = {1, 2, 3}, .ties = {4, 9, 9}}};
  const auto fused = fuse_reciprocal_ranks(channels);
  EXPECT_EQ(fused[1].score, fused[2].score);
  EXPECT_THAT(fused[1].score, DoubleNear((1.0 / 62) / (1.0 / 61), 1e-12));
}

TEST(Fuse, TheOrderAmongEqualDistancesDecidesNothing) {
  const std::vector<RankedChannel> one = {{.rows = {1, 2, 3}, .ties = {0, 0, 0}}, {.rows = {3}}};
  const std::vector<RankedChannel> other = {{.rows = {3, 2, 1}, .ties = {0, 0, 0}}, {.rows = {3}}};
  EXPECT_THAT(rows_of(fuse_reciprocal_ranks(one)), ElementsAre(3, 1, 2));
  EXPECT_THAT(rows_of(fuse_reciprocal_ranks(other)), ElementsAre(3, 1, 2));
}

TEST(Fuse, OfManyThatHaveAllTheWordsTheCodesDecideAndNoneOfThemIsBehindTheRest) {
  const std::vector<RankedChannel> channels = {{.rows = {9, 3, 2, 1}}, {.rows = {1, 2, 3, 4}, .ties = {1, 1, 1, 1}}};
  EXPECT_THAT(rows_of(fuse_reciprocal_ranks(channels)), ElementsAre(3, 2, 1, 4, 9));
}

TEST(Fuse, AChannelOfNoWeightTakesNoPart) {
  const std::vector<RankedChannel> channels = {{.rows = {1, 2}}, {.rows = {2, 9}, .weight = 0}};
  EXPECT_THAT(rows_of(fuse_reciprocal_ranks(channels)), ElementsAre(1, 2));
}

TEST(Fuse, NothingFoundIsNothing) { EXPECT_TRUE(fuse_reciprocal_ranks({}).empty()); }

}  // namespace
}  // namespace warifu
