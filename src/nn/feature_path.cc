#include "nn/feature_path.h"

#include <cassert>
#include <cstddef>

namespace warifu {

std::vector<float> path_gradient(std::span<const float> from, std::span<const float> to,
                                 const FeatureGradient& gradient) {
  assert(from.size() == to.size() && "two rows of one tower");
  std::vector<float> mean(from.size());
  std::vector<float> row(from.size());
  for (int step = 0; step < kFeatureSteps; ++step) {
    // Places t^2 with weights 2 t: closer together near the start, where a map like the root is steepest.
    const float t = (static_cast<float>(step) + 0.5F) / kFeatureSteps;
    const float share = t * t, weight = 2 * t / kFeatureSteps;
    for (std::size_t k = 0; k < row.size(); ++k) row[k] = from[k] + share * (to[k] - from[k]);
    const auto slope = gradient(row);
    assert(slope.size() == row.size() && "a gradient has the width of its row");
    for (std::size_t k = 0; k < row.size(); ++k) mean[k] += slope[k] * weight;
  }
  return mean;
}

float change_along(std::span<const float> gradient, std::span<const float> from, std::span<const float> to) {
  double sum = 0;
  for (std::size_t k = 0; k < gradient.size(); ++k) sum += double{gradient[k]} * (double{to[k]} - double{from[k]});
  return static_cast<float>(sum);
}

}  // namespace warifu
