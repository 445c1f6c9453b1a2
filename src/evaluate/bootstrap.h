#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace warifu {

struct Interval {
  double low = 0;
  double high = 0;
};

// The 95 % percentile interval of the mean of `values`, by drawing as many of them with repeats,
// `samples` times: how far a figure would move with other queries of the same kind. The same
// values in the same order and the same seed give the same interval, for any number of threads.
// No values: {0, 0}. No samples, or one value: the mean twice.
//
// Source: B. Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7(1),
// 1979; percentile method.
Interval bootstrap_interval_of_mean(std::span<const double> values, std::size_t samples, std::uint64_t seed);

}  // namespace warifu
