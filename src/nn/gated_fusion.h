#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <utility>

#include "nn/global_response_norm.h"
#include "nn/mamba_block.h"
#include "nn/transformer_block.h"

namespace warifu {

struct GatedFusionOptions {
  std::int64_t width = 0;  // of the tokens
  std::int64_t heads = 4;  // of the Transformer; divides width
  double dropout = 0.1;    // of the Transformer
  bool ssm = true;         // false: the Transformer alone, X1 in the place of the gated mixture
};

// What both fusions share: the maps around scan and Transformer, and the gate.
class GatedSelectionImpl : public torch::nn::Module {
 protected:
  // The Transformer has its own width, of one token of its sequence.
  GatedSelectionImpl(const GatedFusionOptions& options, std::int64_t transformer_width);

  // (W_o GRN(m) + S) / 2 of GatedFusion for tokens [.., .., width]: `scan` makes O / tau of X1, and the cosines are
  // averaged over `gate_axis` (0 or 1).
  template <typename Scan>
  torch::Tensor select(const torch::Tensor& tokens, std::int64_t gate_axis, const Scan& scan);
  torch::Tensor transform(const torch::Tensor& sequences);  // the last line of GatedFusion

  MambaBlock mamba_ = nullptr;

 private:
  torch::nn::Linear shortcut_ = nullptr, in_ = nullptr, gated_ = nullptr, out_ = nullptr;  // W_s, W_1, W_2, W_o
  GlobalResponseNorm norm_in_ = nullptr, norm_gated_ = nullptr, norm_out_ = nullptr, norm_sum_ = nullptr;
  TransformerBlock transformer_ = nullptr;
  torch::Tensor scan_scale_, gate_scale_;  // tau, g: [1]
};

// The gated selection of what a state-space model and a Transformer make of the tokens Z of one item:
//
//   S   = W_s Z
//   X1  = SiLU(GRN(W_1 Z))
//   O   = tau (M(X1) + flip M(flip X1)),  M a Mamba block, flip turns the order of the tokens
//   w   = sigmoid(mean over tokens of cos(O, X1)),  one gate an item
//   m   = SiLU(GRN(W_2 (g w O + (1 - w) X1)))
//   out = Transformer(GRN((W_o GRN(m) + S) / 2)), one layer with norms last, each token brought to length sqrt(width)
//
// The released code runs scan and attention over the samples of a batch, so that a code depends on its
// neighbours, and flips the channels, too, which have no order. Here they run over the tokens of one item: a row's
// outcome does not depend on the other rows. Initial values come from torch's generator.
//
// Source: S. Zou et al., "PromptHash", CVPR 2025, adaptive gated selection fusion (FusionTransMamba of the
// released code).
class GatedFusionImpl : public GatedSelectionImpl {
 public:
  explicit GatedFusionImpl(const GatedFusionOptions& options);
  torch::Tensor forward(const torch::Tensor& tokens);  // [batch, tokens, width] -> the same shape
};
TORCH_MODULE(GatedFusion);

// The same as released, for comparison: the two vectors of each pair go through scan and attention ACROSS
// THE BATCH, so that an outcome depends on every other row and on their order.
class BatchFusionImpl : public GatedSelectionImpl {
 public:
  explicit BatchFusionImpl(const GatedFusionOptions& options);
  // Both again, [batch, width] each.
  std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& a, const torch::Tensor& b);
};
TORCH_MODULE(BatchFusion);

}  // namespace warifu
