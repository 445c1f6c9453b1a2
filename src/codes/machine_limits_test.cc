#include "codes/machine_limits.h"

#include <gtest/gtest.h>

namespace warifu {
namespace {

// No more than the order of magnitude can be promised of a machine that others use too.
TEST(MachineLimits, CountAndReadAtAPaceOfThisCentury) {
  for (const std::size_t threads : {1, 2}) {
    EXPECT_GT(popcount_limit(threads, 2), 1e9);
    EXPECT_LT(popcount_limit(threads, 2), 1e14);
    EXPECT_GT(read_limit(std::size_t{1} << 20, threads, 2), 1e8);
    EXPECT_LT(read_limit(std::size_t{1} << 20, threads, 2), 1e13);
  }
}

TEST(MachineLimits, HaveNoFigureForLessThanAThreadReadsAtOnce) {
  EXPECT_EQ(read_limit(std::size_t{0}, 1), 0);
  EXPECT_EQ(read_limit(std::size_t{448}, 2), 0);
}

}  // namespace
}  // namespace warifu
