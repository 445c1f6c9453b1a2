#pragma once

#include <torch/torch.h>

#include <vector>

#include "nn/tensor_io.h"

namespace warifu {

// Parameters, shared with the caller's modules, and how fast they learn: a factor of the step's rate.
struct AdamGroup {
  std::vector<torch::Tensor> parameters;
  double rate = 1;  // 0: they stay
};

// Adam with decoupled weight decay, whose whole state is a map of tensors: a checkpoint continues to
// the same numbers.
//
// Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
class Adam {
 public:
  // Parameters of one dimension (biases, norms, temperatures) are not decayed.
  explicit Adam(const std::vector<AdamGroup>& groups, double weight_decay = 1e-4);

  // The rates of `groups` from here on, which hold the same parameters in the same order (TORCH_CHECK).
  void set_rates(const std::vector<AdamGroup>& groups);

  void zero_grad();
  // One step along the gradients, which are first scaled down to a common norm of at most `max_norm`; those of rate 0
  // do not count.
  // A parameter without a gradient stays. Returns their norm before; where that is no number, nothing
  // is changed.
  double step(double learning_rate, double max_norm = 5.0);

  NamedTensors state() const;
  // TORCH_CHECK fails if `state` is not of these parameters.
  void restore(const NamedTensors& state);

 private:
  std::vector<torch::Tensor> parameters_;
  std::vector<double> rates_;          // of each parameter
  std::vector<torch::Tensor> first_;   // running mean of the gradient
  std::vector<torch::Tensor> second_;  // running mean of its square
  double weight_decay_;
  std::int64_t steps_ = 0;
};

}  // namespace warifu
