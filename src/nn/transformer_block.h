#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace warifu {

// Columns a head, in the towers that are learnt from nothing.
inline constexpr std::int64_t kSmallHeadWidth = 32;

enum class Activation {
  kGelu,       // x * Phi(x)
  kQuickGelu,  // x * sigmoid(1.702 x), the approximation OpenAI's CLIP was trained with
  kRelu,
};

struct TransformerBlockOptions {
  std::int64_t width = 0;
  std::int64_t heads = 0;  // divides width
  Activation activation = Activation::kGelu;
  std::int64_t hidden = 0;  // width of the feed-forward part; 0: 4 * width
  double dropout = 0;       // of what each part adds; draws from torch's generator in train mode only
  bool norm_first = true;   // false: norm(x + attention(x)), then norm(x + feed_forward(x)), as the original
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
  FeedForwardImpl(std::int64_t width, std::int64_t hidden, Activation activation);
  torch::Tensor forward(const torch::Tensor& x);  // [..., width] -> the same shape

 private:
  Activation activation_;
  torch::nn::Linear c_fc_ = nullptr, c_proj_ = nullptr;
};
TORCH_MODULE(FeedForward);

// x + attention(norm(x)), then x + feed_forward(norm(x)), unless norm_first is false; layer norm with
// eps 1e-5. Parameter names are those of OpenAI's CLIP (attn.in_proj_weight, ln_1, mlp.c_fc …), so
// that its checkpoints load by name.
class TransformerBlockImpl : public torch::nn::Module {
 public:
  explicit TransformerBlockImpl(const TransformerBlockOptions& options);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask = {});  // as SelfAttention

 private:
  bool norm_first_;
  torch::nn::LayerNorm ln_1_ = nullptr, ln_2_ = nullptr;
  SelfAttention attn_ = nullptr;
  FeedForward mlp_ = nullptr;
  torch::nn::Dropout dropout_ = nullptr;
};
TORCH_MODULE(TransformerBlock);

// Added to an attention score it makes the weight exactly 0 in float, yet a row with nothing to
// attend to stays free of NaN, which minus infinity would give.
inline constexpr float kMaskedScore = -1e9F;

}  // namespace warifu
