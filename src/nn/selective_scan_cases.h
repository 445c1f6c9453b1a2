#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nn/selective_scan.h"

// For tests of the selective scan: inputs to draw, and what comes of them.
namespace warifu {

struct ScanShape {
  std::int64_t batch, length, channels, states;
};

// Those that are given, in the order of SelectiveScanInputs.
inline std::vector<torch::Tensor*> tensors_of(SelectiveScanInputs& inputs) {
  std::vector<torch::Tensor*> tensors;
  for (torch::Tensor* tensor :
       {&inputs.u, &inputs.delta, &inputs.A, &inputs.B, &inputs.C, &inputs.D, &inputs.z, &inputs.delta_bias})
    if (tensor->defined()) tensors.push_back(tensor);
  return tensors;
}

// From torch's generator. Without `everything`: no D, z, delta_bias and softplus.
inline SelectiveScanInputs drawn_inputs(const ScanShape& shape, bool everything = true) {
  SelectiveScanInputs inputs;
  inputs.u = torch::randn({shape.batch, shape.length, shape.channels});
  inputs.delta = torch::randn({shape.batch, shape.length, shape.channels}) - 1;
  inputs.A = -torch::exp(torch::randn({shape.channels, shape.states}));
  inputs.B = torch::randn({shape.batch, shape.length, shape.states});
  inputs.C = torch::randn({shape.batch, shape.length, shape.states});
  inputs.delta_softplus = everything;
  if (everything) {
    inputs.D = torch::randn({shape.channels});
    inputs.z = torch::randn({shape.batch, shape.length, shape.channels});
    inputs.delta_bias = torch::randn({shape.channels}) - 1;
  } else {
    inputs.delta = 0.1 * inputs.delta.abs();
  }
  return inputs;
}

// Copies that want gradients, of another type where asked.
inline SelectiveScanInputs leaves(SelectiveScanInputs inputs, torch::ScalarType type = torch::kFloat32) {
  for (torch::Tensor* tensor : tensors_of(inputs)) *tensor = tensor->detach().to(type).clone().set_requires_grad(true);
  return inputs;
}

// The same values in other memory: slices of wider tensors, which are read in place, and transposed ones.
inline SelectiveScanInputs sliced_and_transposed(SelectiveScanInputs inputs) {
  inputs.u = torch::cat({inputs.u, inputs.z}, 2).narrow(2, 0, inputs.u.size(2));
  inputs.B = torch::cat({inputs.C, inputs.B}, 2).narrow(2, inputs.C.size(2), inputs.B.size(2));
  inputs.delta = inputs.delta.transpose(1, 2).contiguous().transpose(1, 2);
  inputs.A = inputs.A.t().contiguous().t();
  return inputs;
}

// Only those of D, z and delta_bias whose bit (1, 2, 4) is set in `given`, below 8.
inline SelectiveScanInputs only_given(SelectiveScanInputs inputs, unsigned given) {
  if ((given & 1) == 0) inputs.D = torch::Tensor();
  if ((given & 2) == 0) inputs.z = torch::Tensor();
  if ((given & 4) == 0) inputs.delta_bias = torch::Tensor();
  return inputs;
}

// One size after the other is 0.
inline constexpr std::array<ScanShape, 4> kEmptyScans = {{{0, 7, 5, 16}, {2, 0, 5, 16}, {2, 7, 0, 16}, {2, 7, 5, 0}}};

using ScanOfInputs = std::function<torch::Tensor(const SelectiveScanInputs&)>;

// y = scan(inputs) and the gradients of everything given, for the gradient `y_gradient` of y.
inline std::vector<torch::Tensor> all_results(SelectiveScanInputs inputs, const torch::Tensor& y_gradient,
                                              const ScanOfInputs& scan) {
  inputs = leaves(inputs);
  const auto y = scan(inputs);
  y.backward(y_gradient);
  std::vector<torch::Tensor> results{y.detach()};
  for (const torch::Tensor* tensor : tensors_of(inputs)) results.push_back(tensor->grad());
  return results;
}

// No further from each other than `tolerance` times (1 + the largest size of what is expected).
inline void expect_near(const torch::Tensor& found, const torch::Tensor& expected, double tolerance,
                        const std::string& what) {
  ASSERT_EQ(found.sizes(), expected.sizes()) << what;
  if (expected.numel() == 0) return;
  const double scale = 1 + expected.abs().max().item<double>();
  EXPECT_LT((found.to(torch::kFloat64) - expected).abs().max().item<double>(), tolerance * scale) << what;
}

}  // namespace warifu
