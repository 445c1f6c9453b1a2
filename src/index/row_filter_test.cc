#include "index/row_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/rng.h"

namespace warifu {
namespace {

TEST(RowFilter, AllowsEverythingUntilItIsGivenRows) {
  EXPECT_TRUE(RowFilter().allows_all());
  EXPECT_TRUE(RowFilter().allows(0));
  EXPECT_TRUE(RowFilter().allows(1'000'000'000'000));
}

TEST(RowFilter, AllowsExactlyTheRowsItWasGiven) {
  const std::vector<std::int64_t> rows = {3, 64, 66, 66, 700};
  const RowFilter filter(rows);
  EXPECT_FALSE(filter.allows_all());
  for (std::int64_t row = -70; row < 1000; ++row)
    EXPECT_EQ(filter.allows(row), row == 3 || row == 64 || row == 66 || row == 700) << row;
  EXPECT_FALSE(filter.allows(INT64_MAX));
  EXPECT_FALSE(filter.allows(INT64_MIN));
}

TEST(RowFilter, OfNoRowsAllowsNone) {
  const RowFilter filter(std::vector<std::int64_t>{});
  EXPECT_FALSE(filter.allows_all());
  EXPECT_FALSE(filter.allows(0));
}

TEST(RowFilter, CostsNothingForRowsThatBeginLate) {
  const std::vector<std::int64_t> rows = {9'000'000'000'000'000'000, 9'000'000'000'000'000'001};
  const RowFilter filter(rows);
  EXPECT_TRUE(filter.allows(9'000'000'000'000'000'001));
  EXPECT_FALSE(filter.allows(9'000'000'000'000'000'002));
  EXPECT_FALSE(filter.allows(1));
}

TEST(RowFilter, CountsAndListsItsRowsOnce) {
  const RowFilter near(std::vector<std::int64_t>{3, 64, 66, 66, 700});
  EXPECT_EQ(near.count(), 4U);
  EXPECT_EQ(near.rows(), (std::vector<std::int64_t>{3, 64, 66, 700}));
  const std::int64_t far = std::int64_t{1} << 60;
  const RowFilter apart(std::vector<std::int64_t>{3, 3, far});
  EXPECT_EQ(apart.count(), 2U);
  EXPECT_EQ(apart.rows(), (std::vector<std::int64_t>{3, far}));
  EXPECT_TRUE(apart.allows(far));
  EXPECT_FALSE(apart.allows(far - 1));
}

TEST(RowFilter, IsABitmapOfRows) {
  const RowFilter filter(10, {0b101, std::uint64_t{1} << 63});
  EXPECT_EQ(filter.rows(), (std::vector<std::int64_t>{10, 12, 10 + 127}));
  EXPECT_EQ(filter.count(), 3U);
}

TEST(RowFilter, GivesWordsFromAnyRowAndOfAnyBlock) {
  Rng rng(2);
  for (const std::int64_t spread : {1, 3, 50, 20'000}) {
    std::set<std::int64_t> allowed;
    std::vector<std::int64_t> rows;  // of a segment
    for (std::int64_t row = 100; rows.size() < 500;
         row += 1 + static_cast<std::int64_t>(rng.below(40) == 0 ? spread : 0)) {
      rows.push_back(row);
      if (rng.below(3) == 0) allowed.insert(row);
    }
    std::vector<std::int64_t> shuffled = rows;
    shuffle(std::span(shuffled), rng);
    const RowFilter filter(std::vector<std::int64_t>(allowed.begin(), allowed.end()));
    for (const std::int64_t first : {-100, 0, 36, 99, 100, 101, 163, 200, 5000, 1'000'000})
      for (int bit = 0; bit < 64; ++bit)
        ASSERT_EQ(filter.word_from(first) >> bit & 1, allowed.contains(first + bit) ? 1U : 0U) << first << " + " << bit;
    for (const RowsView& view :
         {RowsView::listed(rows, true), RowsView::listed(shuffled, false), RowsView::contiguous(77, 500)})
      for (std::size_t i = 0; i < 500; ++i)
        ASSERT_EQ(filter.allowed_in(view, i / 64) >> (i % 64) & 1, allowed.contains(view[i]) ? 1U : 0U) << i;
  }
}

}  // namespace
}  // namespace warifu
