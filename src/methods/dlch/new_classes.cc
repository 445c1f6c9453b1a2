#include "methods/dlch/new_classes.h"

#include <algorithm>

#include "methods/training_labels.h"

namespace warifu {
namespace {

constexpr double kLeastMean = 0.3;  // of a class's score as fitted, where those left out score nothing (one item)
constexpr double kLeastSlope = 0.1;

struct Regression {
  torch::Tensor weights;   // [width + 1, classes], the last row the intercept
  torch::Tensor fitted;    // [items, classes]
  torch::Tensor left_out;  // the same, each item by a regression without it
};

Regression regress(const torch::Tensor& rows, const torch::Tensor& targets, const torch::Tensor& moment) {
  Regression result;
  torch::Tensor leverage;
  if (rows.size(0) <= rows.size(1)) {
    const auto scaled = rows / moment;
    const auto kernel = scaled.mm(rows.t());
    const auto system = kernel + torch::eye(rows.size(0), torch::kFloat64);
    result.weights = scaled.t().mm(at::linalg_solve(system, targets));
    leverage = at::linalg_solve(system, kernel).diag();
  } else {
    const auto system = torch::diag(moment) + rows.t().mm(rows);
    result.weights = at::linalg_solve(system, rows.t().mm(targets));
    leverage = (at::linalg_solve(system, rows.t()).t() * rows).sum(1);
  }
  result.fitted = rows.mm(result.weights);
  result.left_out = targets - (targets - result.fitted) / (1 - leverage).clamp_min(1e-9).unsqueeze(1);
  return result;
}

}  // namespace

ClassGates class_gates(const torch::Tensor& inputs, const torch::Tensor& labels, const torch::Tensor& spread,
                       double old_items, double ridge, double share, double guard) {
  TORCH_CHECK(inputs.dim() == 2 && labels.dim() == 2 && inputs.size(0) == labels.size(0) &&
                  spread.size(0) == inputs.size(1) && old_items > 0 && ridge > 0,
              "inputs ", inputs.sizes(), ", labels ", labels.sizes(), ", spread ", spread.sizes());
  const torch::NoGradGuard no_grad;
  const auto options = torch::kFloat64;
  const auto rows = torch::cat({inputs.to(options), torch::ones({inputs.size(0), 1}, options)}, 1);
  const auto variance = spread.to(options);
  const auto moment = torch::cat({old_items * (variance + ridge), torch::full({1}, old_items, options)});
  const auto targets = labels.to(options);
  const auto fit = regress(rows, targets, moment);
  const auto count = targets.sum(0);
  const auto mean_of = [&](const torch::Tensor& scores) { return (scores * targets).sum(0) / count; };
  const auto mean = torch::maximum(mean_of(fit.left_out), kLeastMean * mean_of(fit.fitted));
  const std::int64_t width = inputs.size(1);
  const auto directions = fit.weights.narrow(0, 0, width);
  const auto intercept = fit.weights[width];
  const auto of_old = (directions.square() * variance.unsqueeze(1)).sum(0).sqrt();
  const auto opens = torch::maximum(share * mean, intercept + guard * of_old);
  const auto slope = torch::maximum(mean - opens, kLeastSlope * mean.abs()).clamp_min(1e-12).reciprocal();
  return {(directions * slope).to(torch::kFloat32), ((intercept - opens) * slope).to(torch::kFloat32)};
}

torch::Tensor new_class_words(const torch::Tensor& outputs, const torch::Tensor& taken, std::int64_t distance) {
  const torch::NoGradGuard no_grad;
  const std::int64_t bits = outputs.size(1);
  auto words = signs_of(outputs);
  for (std::int64_t c = 0; c < words.size(0); ++c) {
    const auto others = torch::cat({taken, words.narrow(0, 0, c)});
    if (others.size(0) == 0) continue;
    auto word = words[c];
    auto best = word.clone();
    auto sureness = outputs[c].abs().clone();
    double farthest = -1;
    for (std::int64_t flips = 0;; ++flips) {
      const auto apart = (static_cast<double>(bits) - others.mv(word)) / 2;
      const double least = apart.min().item<double>();
      if (least > farthest) {
        farthest = least;
        best = word.clone();
      }
      if (least >= static_cast<double>(distance) || flips == bits) break;
      // The bit that most of the near words share, an unsure one first; each once.
      const auto near = apart.lt(static_cast<double>(distance));
      const auto shared = (others.index({near}) * word).gt(0).to(torch::kFloat32).mean(0);
      const auto bit = (shared - 0.5 * sureness).argmax().item<std::int64_t>();
      word[bit] *= -1;
      sureness[bit] = 1e6;
    }
    word.copy_(best);
  }
  return words;
}

}  // namespace warifu
