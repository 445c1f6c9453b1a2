#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <cstdint>
#include <functional>

namespace warifu {

// For tests of losses: the number of a tensor that is one.
inline double number(const torch::Tensor& value) { return value.item<double>(); }

// The largest gap between the gradient that autograd gives for a scalar function
// and central differences of step 1e-6 in double precision, as a share of the steepest slope (of 1,
// where all are less steep).
//
//   scalar  float64 tensor of the shape of `at` -> float64 []; smooth within 1e-6 of `at`
//   returns about 1e-9 where the gradient is right
inline double gradient_gap(const std::function<torch::Tensor(const torch::Tensor&)>& scalar, const torch::Tensor& at) {
  constexpr double kStep = 1e-6;
  const auto point = at.detach().to(torch::kFloat64).clone().contiguous();
  const auto leaf = point.clone().set_requires_grad(true);
  scalar(leaf).backward();
  const auto given = leaf.grad().reshape({-1});
  const torch::NoGradGuard no_grad;
  const auto flat = point.view({-1});  // shares its numbers with `point`
  double gap = 0;
  double steepest = 1;
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    const double middle = flat[i].item<double>();
    flat[i] = middle + kStep;
    const double above = scalar(point).item<double>();
    flat[i] = middle - kStep;
    const double below = scalar(point).item<double>();
    flat[i] = middle;
    const double slope = (above - below) / (2 * kStep);
    gap = std::max(gap, std::abs(slope - given[i].item<double>()));
    steepest = std::max(steepest, std::abs(slope));
  }
  return gap / steepest;
}

}  // namespace warifu
