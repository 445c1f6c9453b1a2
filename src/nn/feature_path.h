#pragma once

#include <span>
#include <vector>

#include "encode/attribution.h"

namespace warifu {

// How many places of a path between rows of features a gradient is taken at.
inline constexpr int kFeatureSteps = 32;

// The mean gradient along the straight path between two rows of features. Its product with the difference of the two
// is, up to the number of steps, the difference of the explained number: a number that is saturated at the end of
// the path still has its slope on the way.
//
// Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017 (integrated
// gradients).
std::vector<float> path_gradient(std::span<const float> from, std::span<const float> to,
                                 const FeatureGradient& gradient);

// The product of `gradient` with `to` - `from`.
float change_along(std::span<const float> gradient, std::span<const float> from, std::span<const float> to);

}  // namespace warifu
