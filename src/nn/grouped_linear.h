#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace warifu {

// A 1 x 1 convolution with groups, as one matrix product a group: the inputs are cut into `groups` runs of equal
// width, and each run has its own linear map to its run of the outputs. Weights [groups, inputs / groups,
// outputs / groups] and bias [outputs] start uniform within 1 / sqrt(inputs / groups), as torch's convolutions do.
// A row alone gives the same bits whatever else is encoded; among others it may be rounded differently.
class GroupedLinearImpl : public torch::nn::Module {
 public:
  // groups >= 1 divides both widths.
  GroupedLinearImpl(std::int64_t inputs, std::int64_t outputs, std::int64_t groups);
  torch::Tensor forward(const torch::Tensor& rows);  // [batch, inputs] -> [batch, outputs]

 private:
  std::int64_t groups_;
  torch::Tensor weight_, bias_;
};
TORCH_MODULE(GroupedLinear);

}  // namespace warifu
