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
    const float share = (static_cast<float>(step) + 0.5F) / kFeatureSteps;
    for (std::size_t k = 0; k < row.size(); ++k) row[k] = from[k] + share * (to[k] - from[k]);
    const auto slope = gradient(row);
    assert(slope.size() == row.size() && "a gradient has the width of its row");
    for (std::size_t k = 0; k < row.size(); ++k) mean[k] += slope[k] / kFeatureSteps;
  }
  return mean;
}

float change_along(std::span<const float> gradient, std::span<const float> from, std::span<const float> to) {
  double sum = 0;
  for (std::size_t k = 0; k < gradient.size(); ++k) sum += double{gradient[k]} * (double{to[k]} - double{from[k]});
  return static_cast<float>(sum);
}

}  // namespace warifu
