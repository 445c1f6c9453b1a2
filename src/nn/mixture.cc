#include "nn/mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

namespace warifu {
namespace {

// Fewer items than this share of all in a component: it ran empty.
constexpr double kEmptyShare = 1e-6;
// Normalised means closer than this are one.
constexpr double kOneMean = 1e-6;
// A beta density is 0 or infinite at 0 and 1.
constexpr double kBetaMargin = 1e-4;

struct Moments {
  double mean;
  double variance;
};

class Gaussian {
 public:
  static constexpr double kMargin = 0;
  Gaussian(Moments moments, double variance_floor)
      : mean_(moments.mean), variance_(std::max(moments.variance, variance_floor)) {}
  double mean() const { return mean_; }
  double log_density(double x) const {
    const double gap = x - mean_;
    return -(gap * gap / variance_ + std::log(2 * std::numbers::pi * variance_)) / 2;
  }

 private:
  double mean_;
  double variance_;
};

class Beta {
 public:
  static constexpr double kMargin = kBetaMargin;
  // Of the same mean and variance. Above half of mean (1 - mean) the variance is cut: beyond, the
  // density has a peak at both ends, which is no group of items.
  Beta(Moments moments, double variance_floor) : mean_(moments.mean) {
    const double largest = mean_ * (1 - mean_);
    const double sum = largest / std::min(std::max(moments.variance, variance_floor), largest / 2) - 1;
    a_ = mean_ * sum;
    b_ = (1 - mean_) * sum;
    log_scale_ = std::lgamma(sum) - std::lgamma(a_) - std::lgamma(b_);
  }
  double mean() const { return mean_; }
  double log_density(double x) const { return (a_ - 1) * std::log(x) + (b_ - 1) * std::log1p(-x) + log_scale_; }

 private:
  double mean_;
  double a_;
  double b_;
  double log_scale_;
};

template <typename Component>
struct Pair {
  Component low;
  Component high;
  double low_share;

  double posterior_of_low(double x) const {
    const double log_odds = std::log(low_share) - std::log1p(-low_share) + low.log_density(x) - high.log_density(x);
    return 1 / (1 + std::exp(-log_odds));
  }
};

// Losses brought to [margin, 1 - margin]; empty where all are equal.
std::vector<double> normalised(std::span<const double> losses, double outlier_share, double margin) {
  std::vector<double> sorted(losses.begin(), losses.end());
  std::ranges::sort(sorted);
  const auto skipped = static_cast<std::size_t>(outlier_share * static_cast<double>(sorted.size()));
  // Halves: the difference of two doubles may be none.
  double low = sorted[skipped] / 2;
  double range = sorted[sorted.size() - 1 - skipped] / 2 - low;
  if (!(range > 0)) {
    low = sorted.front() / 2;
    range = sorted.back() / 2 - low;
  }
  if (!(range > 0)) return {};
  std::vector<double> values;
  values.reserve(losses.size());
  for (const double loss : losses) values.push_back(std::clamp((loss / 2 - low) / range, margin, 1 - margin));
  return values;
}

// 1 for the values up to `last`, else 0.
std::vector<double> up_to(double last, const std::vector<double>& values) {
  std::vector<double> part;
  part.reserve(values.size());
  for (const double value : values) part.push_back(value <= last ? 1 : 0);
  return part;
}

// 1 for the items of the lower part of the best cut in two, else 0: the cut that leaves the least
// variance within the parts (the exact optimum of k-means in one dimension).
std::vector<double> best_cut(const std::vector<double>& values) {
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  double sum = 0;
  for (const double value : sorted) sum += value;
  const auto count = static_cast<double>(sorted.size());
  double below = 0;
  double best = -1;
  double last_below = sorted.front();
  for (std::size_t i = 0; i + 1 < sorted.size(); ++i) {
    below += sorted[i];
    if (sorted[i] == sorted[i + 1]) continue;
    const auto size = static_cast<double>(i + 1);
    const double gap = (sum - below) / (count - size) - below / size;
    const double between = size * (count - size) * gap * gap;
    if (between > best) {
      best = between;
      last_below = sorted[i];
    }
  }
  return up_to(last_below, values);
}

// 1 for the items of the lowest values, but for a share of all, else 0; equal values stay together, below.
std::vector<double> cut_at_share(const std::vector<double>& values, double noisy_share) {
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  const auto low = static_cast<std::size_t>((1 - noisy_share) * static_cast<double>(sorted.size()));
  return up_to(sorted[std::max<std::size_t>(low, 1) - 1], values);
}

// Mean and variance of values weighted by share(i).
template <typename Share>
Moments moments_of(const std::vector<double>& values, double total, const Share& share) {
  double mean = 0;
  for (std::size_t i = 0; i < values.size(); ++i) mean += share(i) * values[i];
  mean /= total;
  double variance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) variance += share(i) * (values[i] - mean) * (values[i] - mean);
  return {mean, variance / total};
}

Result<void> check(std::span<const double> losses, const MixtureOptions& options) {
  if (options.max_rounds < 1 || !(options.tolerance >= 0) || !(options.variance_floor > 0) ||
      !(options.outlier_share >= 0 && options.outlier_share < 0.5) ||
      !(options.noisy_share.value_or(0) >= 0 && options.noisy_share.value_or(0) <= 1))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("mixture of {} rounds, tolerance {}, variance floor {}, outlier share {}, noisy share {}",
                            options.max_rounds, options.tolerance, options.variance_floor, options.outlier_share,
                            options.noisy_share.value_or(0)));
  return check_losses(losses);
}

template <typename Component>
Result<LossMixture> fit(std::span<const double> losses, const MixtureOptions& options) {
  if (auto sound = check(losses, options); !sound) return Fail(sound.error());
  LossMixture all_clean{.clean = std::vector<double>(losses.size(), 1)};
  if (losses.size() < 2) return all_clean;
  const auto values = normalised(losses, options.outlier_share, Component::kMargin);
  if (values.empty()) return all_clean;

  const auto count = static_cast<double>(values.size());
  if (options.noisy_share && *options.noisy_share * count < 1) return all_clean;
  if (options.noisy_share && (1 - *options.noisy_share) * count < 1) {
    all_clean.clean.assign(losses.size(), 0);
    all_clean.clean_share = 0;
    return all_clean;
  }
  auto low = options.noisy_share ? cut_at_share(values, *options.noisy_share) : best_cut(values);
  for (int round = 0;; ++round) {
    double total = 0;
    for (const double share : low) total += share;
    if (std::min(total, count - total) < kEmptyShare * count) return all_clean;
    Pair<Component> pair{
        .low = {moments_of(values, total, [&](std::size_t i) { return low[i]; }), options.variance_floor},
        .high = {moments_of(values, count - total, [&](std::size_t i) { return 1 - low[i]; }), options.variance_floor},
        .low_share = options.noisy_share ? 1 - *options.noisy_share : total / count};

    double change = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double posterior = pair.posterior_of_low(values[i]);
      change = std::max(change, std::abs(posterior - low[i]));
      low[i] = posterior;
    }
    if (change > options.tolerance && round + 1 < options.max_rounds) continue;

    if (pair.low.mean() > pair.high.mean()) {
      if (options.noisy_share) return all_clean;  // the share belongs to the other part
      std::swap(pair.low, pair.high);
      pair.low_share = 1 - pair.low_share;
    }
    if (pair.high.mean() - pair.low.mean() < kOneMean) return all_clean;
    LossMixture mixture{.clean = {},
                        .clean_share = pair.low_share,
                        .clean_mean = pair.low.mean(),
                        .noisy_mean = pair.high.mean(),
                        .split = true};
    mixture.clean.reserve(values.size());
    // Between the means the odds fall with the loss, whatever the variances, for both families.
    for (const double value : values)
      mixture.clean.push_back(pair.posterior_of_low(std::clamp(value, pair.low.mean(), pair.high.mean())));
    return mixture;
  }
}

}  // namespace

Result<void> check_losses(std::span<const double> losses) {
  for (std::size_t i = 0; i < losses.size(); ++i)
    if (!std::isfinite(losses[i]))
      return fail(ErrorCode::kInvalidArgument, fmt::format("the loss of item {} is {}", i, losses[i]),
                  "training diverged: lower the learning rate");
  return {};
}

Result<LossMixture> fit_gaussian_mixture(std::span<const double> losses, const MixtureOptions& options) {
  return fit<Gaussian>(losses, options);
}

Result<LossMixture> fit_beta_mixture(std::span<const double> losses, const MixtureOptions& options) {
  return fit<Beta>(losses, options);
}

}  // namespace warifu
