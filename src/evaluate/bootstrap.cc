#include "evaluate/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "base/rng.h"

namespace warifu {
namespace {

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double mean_of_draw(std::span<const double> values, Rng rng) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[rng.below(values.size())];
  return sum / static_cast<double>(values.size());
}

// Between the two neighbours of the wanted place, as R's default and NumPy's do.
double quantile(std::span<const double> sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

Interval bootstrap_interval_of_mean(std::span<const double> values, std::size_t samples, std::uint64_t seed) {
  if (values.empty()) return {};
  if (samples == 0 || values.size() == 1) return {mean_of(values), mean_of(values)};
  // One stream for each sample, so that it does not matter which thread draws it. The seeds come
  // from a generator themselves: neighbouring numbers would start overlapping streams.
  std::vector<std::uint64_t> seeds(samples);
  for (Rng rng(seed); std::uint64_t & sample_seed : seeds) sample_seed = rng.next();
  std::vector<double> means(samples);
  parallel_for(samples, 32, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) means[i] = mean_of_draw(values, Rng(seeds[i]));
  });
  std::ranges::sort(means);
  return {quantile(means, 0.025), quantile(means, 0.975)};
}

}  // namespace warifu
