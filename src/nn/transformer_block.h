#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace warifu {

enum class Activation {
  kGelu,       // x * Phi(x)
  kQuickGelu,  // x * sigmoid(1.702 x), the approximation OpenAI's CLIP was trained with
};

struct TransformerBlockOptions {
  std::int64_t width = 0;
  std::int64_t heads = 0;  // divides width
  Activation activation = Activation::kGelu;
};

// Multi-head self-attention (Vaswani et al. 2017).
class SelfAttentionImpl : public torch::nn::Module {
 public:
  SelfAttentionImpl(std::int64_t width, std::int64_t heads);

  // x [batch, T, width] -> the same shape. `mask`, where defined, is added to the scores
  // [batch, heads, T, T] by broadcasting: a large negative number hides a place.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask);

 private:
  std::int64_t heads_;
  torch::Tensor in_proj_weight_, in_proj_bias_;  // [3 * width, width], [3 * width]: query, key, value
  torch::nn::Linear out_proj_ = nullptr;
};
TORCH_MODULE(SelfAttention);

class FeedForwardImpl : public torch::nn::Module {
 public:
  FeedForwardImpl(std::int64_t width, Activation activation);
  torch::Tensor forward(const torch::Tensor& x);  // [..., width] -> the same shape

 private:
  Activation activation_;
  torch::nn::Linear c_fc_ = nullptr, c_proj_ = nullptr;
};
TORCH_MODULE(FeedForward);

// x + attention(norm(x)), then x + feed_forward(norm(x)): layer norm first (eps 1e-5), hidden width
// 4 * width. Parameter names are those of OpenAI's CLIP (attn.in_proj_weight, ln_1, mlp.c_fc …), so
// that its checkpoints load by name.
class TransformerBlockImpl : public torch::nn::Module {
 public:
  explicit TransformerBlockImpl(const TransformerBlockOptions& options);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask = {});  // as SelfAttention

 private:
  torch::nn::LayerNorm ln_1_ = nullptr, ln_2_ = nullptr;
  SelfAttention attn_ = nullptr;
  FeedForward mlp_ = nullptr;
};
TORCH_MODULE(TransformerBlock);

// Added to an attention score it makes the weight exactly 0 in float, yet a row with nothing to
// attend to stays free of NaN, which minus infinity would give.
inline constexpr float kMaskedScore = -1e9F;

}  // namespace warifu
