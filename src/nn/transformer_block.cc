#include "nn/transformer_block.h"

#include <cmath>

namespace warifu {

SelfAttentionImpl::SelfAttentionImpl(std::int64_t width, std::int64_t heads) : heads_(heads) {
  TORCH_CHECK(heads > 0 && width % heads == 0, "attention width ", width, " is no multiple of ", heads, " heads");
  in_proj_weight_ = register_parameter("in_proj_weight", torch::empty({3 * width, width}));
  in_proj_bias_ = register_parameter("in_proj_bias", torch::zeros({3 * width}));
  out_proj_ = register_module("out_proj", torch::nn::Linear(width, width));
  torch::nn::init::xavier_uniform_(in_proj_weight_);
  torch::nn::init::zeros_(out_proj_->bias);
}

torch::Tensor SelfAttentionImpl::forward(const torch::Tensor& x, const torch::Tensor& mask) {
  const std::int64_t batch = x.size(0), places = x.size(1), width = x.size(2), head_width = width / heads_;
  // [3, batch, heads, T, head_width]
  const auto projected = torch::nn::functional::linear(x, in_proj_weight_, in_proj_bias_)
                             .view({batch, places, 3, heads_, head_width})
                             .permute({2, 0, 3, 1, 4});
  const auto query = projected.select(0, 0) * (1.0 / std::sqrt(static_cast<double>(head_width)));
  auto scores = torch::matmul(query, projected.select(0, 1).transpose(-2, -1));
  if (mask.defined()) scores = scores + mask;
  const auto mixed = torch::matmul(torch::softmax(scores, -1), projected.select(0, 2));
  return out_proj_(mixed.transpose(1, 2).reshape({batch, places, width}));
}

FeedForwardImpl::FeedForwardImpl(std::int64_t width, std::int64_t hidden, Activation activation)
    : activation_(activation) {
  c_fc_ = register_module("c_fc", torch::nn::Linear(width, hidden));
  c_proj_ = register_module("c_proj", torch::nn::Linear(hidden, width));
}

torch::Tensor FeedForwardImpl::forward(const torch::Tensor& x) {
  const auto hidden = c_fc_(x);
  switch (activation_) {
    case Activation::kGelu:
      return c_proj_(torch::gelu(hidden));
    case Activation::kQuickGelu:
      return c_proj_(hidden * torch::sigmoid(1.702 * hidden));
    case Activation::kRelu:
      return c_proj_(torch::relu(hidden));
  }
  TORCH_CHECK(false, "unknown activation");
}

TransformerBlockImpl::TransformerBlockImpl(const TransformerBlockOptions& options) : norm_first_(options.norm_first) {
  const torch::nn::LayerNormOptions norm({options.width});
  const std::int64_t hidden = options.hidden > 0 ? options.hidden : 4 * options.width;
  ln_1_ = register_module("ln_1", torch::nn::LayerNorm(norm));
  attn_ = register_module("attn", SelfAttention(options.width, options.heads));
  ln_2_ = register_module("ln_2", torch::nn::LayerNorm(norm));
  mlp_ = register_module("mlp", FeedForward(options.width, hidden, options.activation));
  dropout_ = register_module("dropout", torch::nn::Dropout(options.dropout));
}

torch::Tensor TransformerBlockImpl::forward(const torch::Tensor& x, const torch::Tensor& mask) {
  if (!norm_first_) {
    const auto attended = ln_1_(x + dropout_(attn_(x, mask)));
    return ln_2_(attended + dropout_(mlp_(attended)));
  }
  const auto attended = x + dropout_(attn_(ln_1_(x), mask));
  return attended + dropout_(mlp_(ln_2_(attended)));
}

}  // namespace warifu
