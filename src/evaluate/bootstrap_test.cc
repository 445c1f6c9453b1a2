#include "evaluate/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "base/rng.h"

namespace warifu {
namespace {

TEST(BootstrapInterval, OfEqualValuesIsThatValueTwice) {
  const Interval interval = bootstrap_interval_of_mean(std::vector<double>(50, 0.25), 200, 1);
  EXPECT_EQ(interval.low, 0.25);
  EXPECT_EQ(interval.high, 0.25);
}

TEST(BootstrapInterval, HasTheWidthThatTheNormalLawTellsForManyValues) {
  Rng rng(5);
  std::vector<double> values(1000);
  for (double& value : values) value = rng.uniform();
  const Interval interval = bootstrap_interval_of_mean(values, 4000, 1);
  const double standard_error = std::sqrt(1.0 / 12 / 1000);  // of the mean of 1,000 uniform values
  EXPECT_NEAR((interval.high - interval.low) / (2 * 1.96 * standard_error), 1, 0.08);
  EXPECT_NEAR((interval.high + interval.low) / 2, 0.5, 3 * standard_error);
}

TEST(BootstrapInterval, IsTheSameForTheSameSeedAndAnyNumberOfThreadsAndAnotherForAnotherSeed) {
  const std::vector<double> values = {0.1, 0.9, 0.4, 0.35, 0.77, 0.2};
  set_thread_count(1);
  const Interval alone = bootstrap_interval_of_mean(values, 1000, 7);
  set_thread_count(3);
  const Interval together = bootstrap_interval_of_mean(values, 1000, 7);
  const Interval other = bootstrap_interval_of_mean(values, 1000, 8);
  set_thread_count(0);
  EXPECT_EQ(alone.low, together.low);
  EXPECT_EQ(alone.high, together.high);
  EXPECT_TRUE(other.low != alone.low || other.high != alone.high);
  EXPECT_LT(alone.low, alone.high);
}

TEST(BootstrapInterval, OfNothingIsZeroAndWithoutSamplesIsTheMean) {
  EXPECT_EQ(bootstrap_interval_of_mean({}, 100, 1).high, 0);
  const std::vector<double> two = {0.25, 0.75};
  EXPECT_EQ(bootstrap_interval_of_mean(two, 0, 1).low, 0.5);
  EXPECT_EQ(bootstrap_interval_of_mean(std::vector<double>{0.3}, 100, 1).high, 0.3);
}

}  // namespace
}  // namespace warifu
