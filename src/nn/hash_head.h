#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

namespace warifu {

// One linear map from an embedding to the codes of all lengths, side by side, trained together: the
// short ones are no prefixes of the long ones, each has its own directions.
class HashHeadImpl : public torch::nn::Module {
 public:
  // bits: the code lengths, each >= 1.
  HashHeadImpl(std::int64_t width, std::span<const std::uint32_t> bits);

  // [batch, width] -> [batch, sum of bits]: real values whose signs are the bits.
  torch::Tensor forward(const torch::Tensor& embedding) { return linear_(embedding); }

  torch::nn::Linear linear() const { return linear_; }

 private:
  torch::nn::Linear linear_ = nullptr;
};
TORCH_MODULE(HashHead);

// The columns of each length: `values` [batch, sum of bits] -> one [batch, bits[i]] for each i. Views.
std::vector<torch::Tensor> split_by_bits(const torch::Tensor& values, std::span<const std::uint32_t> bits);

}  // namespace warifu
