#include <gtest/gtest.h>

#include <vector>

#include "index/index.h"

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

}  // namespace
}  // namespace warifu
