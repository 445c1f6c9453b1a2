#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "methods/dmmh/settings.h"
#include "nn/grouped_linear.h"
#include "nn/mamba_block.h"

namespace warifu {

// Sizes that the settings do not state.
struct DmmhShape {
  std::int64_t image_width = 0;  // of the features
  std::int64_t text_width = 0;
  std::vector<std::uint32_t> bits;  // lengths of codes, ascending
};

// What training looks at: real values whose signs are the bits, of all lengths side by side, [batch, sum of bits].
struct DmmhOutputs {
  torch::Tensor both;
  torch::Tensor image, text;  // of one half alone; undefined where they count nothing
  torch::Tensor gate;         // share of the picture in `both`, [batch]; undefined without a gate
};

// The network from standardised features to real values whose signs are the bits. T tokens of width d:
//
//   map        u_m = dropout(tanh(LN(W_m dropout(x_m))))                     of each half m
//   dilation   Z_m = reshape(D_m u_m) + position_m                           [T, d]
//   Mamba      Z_m <- Z_m + M_m(LN(Z_m)), once a layer                       one of its own for each half
//   fusion     Z = sum over the halves there are of g_m Z_m,  g = softmax of a_m . u_m + c_m over those
//              (fusion=additive: g = 1)
//   codes      r = tanh(LN(C flatten(Z))),  C with a group for each token;  h^k = tanh(H_k r) with gcd(T, k) groups
//
// A half that is missing takes no part: the gate of the other is 1. Rows are independent of each other.
// fusion=concatenation: Z = reshape(D [u_v; u_t]), zeros for a missing half.
//
// Source: a reconstruction of J. Zhu et al., "Deep Mamba Multi-modal Learning", arXiv 2406.18007, which gives the
// blocks in words, no sizes and no loss; README.md says what comes from where.
class DmmhNetworkImpl : public torch::nn::Module {
 public:
  DmmhNetworkImpl(const DmmhShape& shape, const DmmhSettings& settings);

  // image [batch, image_width] and text [batch, text_width], all there.
  DmmhOutputs forward(const torch::Tensor& image, const torch::Tensor& text);

  // Real values of what is there: [batch, all_bits]; an undefined tensor is a half that all rows lack, never both.
  torch::Tensor outputs(const torch::Tensor& image, const torch::Tensor& text);

 private:
  struct Half {
    torch::nn::Dropout input_dropout = nullptr, dropout = nullptr;
    torch::nn::Linear map = nullptr;
    torch::nn::LayerNorm norm = nullptr;
    torch::nn::Linear dilation = nullptr;  // none with fusion=concatenation, nor what follows
    torch::Tensor position;
    std::vector<torch::nn::LayerNorm> block_norms;
    std::vector<MambaBlock> blocks;
    torch::nn::Linear gate = nullptr;
  };
  // One half under way: u [batch, hidden], Z [batch, T, d], logit of the gate [batch, 1]. Undefined: not there.
  struct Mapped {
    torch::Tensor hidden, tokens, gate;
  };

  Half make_half(const std::string& name, std::int64_t features, double input_dropout);
  Mapped mapped(const Half& half, const torch::Tensor& features);
  torch::Tensor fused(const Mapped& image, const Mapped& text, torch::Tensor* share = nullptr);
  torch::Tensor codes(const torch::Tensor& tokens);  // [batch, T * d] -> [batch, all_bits]

  DmmhSettings settings_;
  Half image_, text_;
  torch::nn::Linear joint_ = nullptr;  // D of fusion=concatenation
  GroupedLinear convolution_ = nullptr;
  torch::nn::LayerNorm convolution_norm_ = nullptr;
  std::vector<GroupedLinear> heads_;
};
TORCH_MODULE(DmmhNetwork);

}  // namespace warifu
