#include "methods/dmmh/model.h"

#include <numeric>

namespace warifu {
namespace {

constexpr double kSmall = 0.02;  // spread of positions at the start

}  // namespace

DmmhNetworkImpl::DmmhNetworkImpl(const DmmhShape& shape, const DmmhSettings& settings) : settings_(settings) {
  image_ = make_half("image", shape.image_width, settings.image_dropout);
  text_ = make_half("text", shape.text_width, settings.text_dropout);
  const std::int64_t channels = settings.tokens * settings.width;
  if (settings.is_concatenation()) joint_ = register_module("joint", torch::nn::Linear(2 * settings.hidden, channels));
  const std::int64_t squeezed = settings.tokens * (settings.width / 2);
  convolution_ = register_module("convolution", GroupedLinear(channels, squeezed, settings.tokens));
  convolution_norm_ =
      register_module("convolution_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({squeezed})));
  for (const std::uint32_t length : shape.bits) {
    const std::int64_t bits = length;
    heads_.push_back(
        register_module("head" + std::to_string(bits), GroupedLinear(squeezed, bits, std::gcd(settings.tokens, bits))));
  }
}

DmmhNetworkImpl::Half DmmhNetworkImpl::make_half(const std::string& name, std::int64_t features, double input_dropout) {
  const std::int64_t hidden = settings_.hidden, tokens = settings_.tokens, width = settings_.width;
  Half half;
  half.input_dropout = register_module(name + "_input_dropout", torch::nn::Dropout(input_dropout));
  half.dropout = register_module(name + "_dropout", torch::nn::Dropout(settings_.hidden_dropout));
  half.map = register_module(name + "_map", torch::nn::Linear(features, hidden));
  half.norm = register_module(name + "_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({hidden})));
  if (settings_.is_concatenation()) return half;
  half.dilation = register_module(name + "_dilation", torch::nn::Linear(hidden, tokens * width));
  half.position = register_parameter(name + "_position", torch::randn({tokens, width}) * kSmall);
  for (std::int64_t i = 0; settings_.has_mamba() && i < settings_.layers; ++i) {
    const std::string block = name + "_mamba" + std::to_string(i);
    half.block_norms.push_back(
        register_module(block + "_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}))));
    half.blocks.push_back(register_module(block, MambaBlock(MambaBlockOptions{.d_model = width})));
  }
  if (settings_.is_gated()) half.gate = register_module(name + "_gate", torch::nn::Linear(hidden, 1));
  return half;
}

DmmhNetworkImpl::Mapped DmmhNetworkImpl::mapped(const Half& half, const torch::Tensor& features) {
  if (!features.defined()) return {};
  // Handles to the modules, whose forward() is not const.
  auto input_dropout = half.input_dropout;
  auto map = half.map;
  auto norm = half.norm;
  auto dropout = half.dropout;
  Mapped result;
  result.hidden = dropout(torch::tanh(norm(map(input_dropout(features)))));
  if (settings_.is_concatenation()) return result;
  auto dilation = half.dilation;
  result.tokens = dilation(result.hidden).view({-1, settings_.tokens, settings_.width}) + half.position;
  for (std::size_t i = 0; i < half.blocks.size(); ++i) {
    auto block_norm = half.block_norms[i];
    auto block = half.blocks[i];
    result.tokens = result.tokens + block(block_norm(result.tokens));
  }
  auto gate = half.gate;
  if (settings_.is_gated()) result.gate = gate(result.hidden);
  return result;
}

torch::Tensor DmmhNetworkImpl::fused(const Mapped& image, const Mapped& text, torch::Tensor* share) {
  const bool has_image = image.hidden.defined(), has_text = text.hidden.defined();
  TORCH_CHECK(has_image || has_text, "neither half is there");
  if (settings_.is_concatenation()) {
    const auto zeros = torch::zeros_like(has_image ? image.hidden : text.hidden);
    return joint_(torch::cat({has_image ? image.hidden : zeros, has_text ? text.hidden : zeros}, 1));
  }
  if (!has_image || !has_text) return (has_image ? image : text).tokens.flatten(1);
  if (!settings_.is_gated()) return (image.tokens + text.tokens).flatten(1);
  const auto of_image = torch::sigmoid(image.gate - text.gate);  // the softmax over two
  if (share != nullptr) *share = of_image.squeeze(1);
  const auto weight = of_image.unsqueeze(2);
  return (weight * image.tokens + (1 - weight) * text.tokens).flatten(1);
}

torch::Tensor DmmhNetworkImpl::codes(const torch::Tensor& tokens) {
  const auto squeezed = torch::tanh(convolution_norm_(convolution_(tokens)));
  std::vector<torch::Tensor> values;
  for (auto& head : heads_) values.push_back(head(squeezed));
  return torch::cat(values, 1);
}

DmmhOutputs DmmhNetworkImpl::forward(const torch::Tensor& image, const torch::Tensor& text) {
  const Mapped of_image = mapped(image_, image), of_text = mapped(text_, text);
  DmmhOutputs outputs;
  std::vector<torch::Tensor> parts = {fused(of_image, of_text, &outputs.gate)};
  const bool image_counts = settings_.image_weight > 0, text_counts = settings_.text_weight > 0;
  if (image_counts) parts.push_back(fused(of_image, {}));
  if (text_counts) parts.push_back(fused({}, of_text));
  const auto values = codes(torch::cat(parts)).split(image.size(0));  // one pass for all of them
  outputs.both = values[0];
  if (image_counts) outputs.image = values[1];
  if (text_counts) outputs.text = values[values.size() - 1];
  return outputs;
}

torch::Tensor DmmhNetworkImpl::outputs(const torch::Tensor& image, const torch::Tensor& text) {
  return codes(fused(mapped(image_, image), mapped(text_, text)));
}

}  // namespace warifu
