#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace warifu {

// r + W2 dropout(GELU(W1 LN(r))): layer norm (eps 1e-5), linear maps with bias, exact GELU.
class ResidualMlpBlockImpl : public torch::nn::Module {
 public:
  ResidualMlpBlockImpl(std::int64_t width, std::int64_t hidden, double dropout);
  torch::Tensor forward(const torch::Tensor& rows);  // [..., width] -> the same shape

 private:
  torch::nn::LayerNorm norm_ = nullptr;
  torch::nn::Linear expand_ = nullptr, contract_ = nullptr;
  torch::nn::Dropout dropout_ = nullptr;  // draws from torch's generator in train mode only
};
TORCH_MODULE(ResidualMlpBlock);

// Blocks as above, one after the other. Parameters are blocks.<i>.norm, .expand and .contract. A row's
// outcome does not depend on the other rows.
//
// Source: PromptHash, CVPR 2025, after CMCL: two blocks, 512 -> 2048 -> 512, dropout 0.5 (4,201,472
// parameters).
class ResidualMlpImpl : public torch::nn::Module {
 public:
  // width, hidden >= 1; blocks >= 0, with 0 the identity; dropout in [0, 1).
  ResidualMlpImpl(std::int64_t width, std::int64_t hidden, std::int64_t blocks, double dropout);
  torch::Tensor forward(torch::Tensor rows);  // [..., width] -> the same shape

 private:
  torch::nn::ModuleList blocks_ = nullptr;
};
TORCH_MODULE(ResidualMlp);

}  // namespace warifu
