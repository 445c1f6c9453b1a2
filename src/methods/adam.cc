#include "methods/adam.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace warifu {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;

}  // namespace

Adam::Adam(const std::vector<AdamGroup>& groups, double weight_decay) : weight_decay_(weight_decay) {
  for (const AdamGroup& group : groups) {
    for (const auto& parameter : group.parameters) {
      parameters_.push_back(parameter);
      rates_.push_back(group.rate);
      first_.push_back(torch::zeros_like(parameter));
      second_.push_back(torch::zeros_like(parameter));
    }
  }
}

void Adam::set_rates(const std::vector<AdamGroup>& groups) {
  std::vector<double> rates;
  for (const AdamGroup& group : groups) {
    for (const auto& parameter : group.parameters) {
      TORCH_CHECK(rates.size() < parameters_.size() && parameter.is_same(parameters_[rates.size()]), "parameter ",
                  rates.size(), " of the optimizer is another one");
      rates.push_back(group.rate);
    }
  }
  TORCH_CHECK(rates.size() == rates_.size(), rates.size(), " rates for ", rates_.size(), " parameters");
  rates_ = std::move(rates);
}

void Adam::zero_grad() {
  for (auto& parameter : parameters_) parameter.mutable_grad() = torch::Tensor();
}

double Adam::step(double learning_rate, double max_norm) {
  const torch::NoGradGuard no_grad;
  double squares = 0;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (const auto& parameter = parameters_[i]; rates_[i] > 0 && parameter.grad().defined())
      squares += parameter.grad().pow(2).sum().item<double>();
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm)) return norm;
  const double shrink = std::min(1.0, max_norm / (norm + 1e-12));
  ++steps_;
  const double correction1 = 1 - std::pow(kBeta1, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(kBeta2, static_cast<double>(steps_));
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    auto& parameter = parameters_[i];
    if (!parameter.grad().defined()) continue;
    const auto gradient = parameter.grad() * shrink;
    first_[i].mul_(kBeta1).add_(gradient, 1 - kBeta1);
    second_[i].mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
    const double rate = learning_rate * rates_[i];
    if (parameter.dim() > 1) parameter.mul_(1 - rate * weight_decay_);
    const auto scale = (second_[i] / correction2).sqrt_().add_(kEpsilon);
    parameter.addcdiv_(first_[i], scale, -rate / correction1);
  }
  return norm;
}

NamedTensors Adam::state() const {
  NamedTensors state{{"steps", torch::tensor({steps_}, torch::kInt64)}};
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state["first." + std::to_string(i)] = first_[i];
    state["second." + std::to_string(i)] = second_[i];
  }
  return state;
}

void Adam::restore(const NamedTensors& state) {
  const auto find = [&](const std::string& name, torch::IntArrayRef shape) {
    const auto found = state.find(name);
    TORCH_CHECK(found != state.end() && found->second.sizes() == shape, "optimizer tensor '", name, "' does not fit");
    return found->second;
  };
  const torch::NoGradGuard no_grad;
  steps_ = find("steps", {1})[0].item<std::int64_t>();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    first_[i].copy_(find("first." + std::to_string(i), parameters_[i].sizes()));
    second_[i].copy_(find("second." + std::to_string(i), parameters_[i].sizes()));
  }
}

}  // namespace warifu
