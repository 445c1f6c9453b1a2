#include "methods/prompthash/model.h"

#include <cmath>
#include <numeric>

#include "nn/label_similarity.h"

namespace warifu {
namespace {

constexpr double kSmall = 0.02;         // spread of positions, context and null tokens at the start
constexpr double kConceptSpread = 0.1;  // of concepts

torch::Tensor drawn(torch::IntArrayRef shape, double spread) { return torch::randn(shape) * spread; }

}  // namespace

std::int64_t PromptHashShape::all_bits() const { return std::reduce(bits.begin(), bits.end(), std::int64_t{0}); }

PromptHashNetworkImpl::PromptHashNetworkImpl(const PromptHashShape& shape, const PromptHashSettings& settings)
    : shape_(shape), settings_(settings) {
  const std::int64_t width = settings.width;
  const std::int64_t pooled = settings.tokens * width;
  image_ = make_tokens("image", shape.image_width, settings.image_dropout);
  text_ = make_tokens("text", shape.text_width, settings.text_dropout);
  if (settings.has_prompts()) {
    concepts_ = register_parameter("concepts", drawn({shape.concepts, width}, kConceptSpread));
    context_ = register_parameter("context", drawn({settings.tokens, width}, kSmall));
    prompt_block_ = register_module(
        "prompt_block",
        TransformerBlock(TransformerBlockOptions{
            .width = width, .heads = settings.heads, .hidden = 2 * width, .dropout = settings.block_dropout}));
    prompt_norm_ = register_module("prompt_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
  }
  const GatedFusionOptions fusion{
      .width = width, .heads = settings.heads, .dropout = settings.block_dropout, .ssm = settings.has_ssm()};
  if (settings.is_paper()) {
    GatedFusionOptions of_vectors = fusion;
    of_vectors.width = pooled;
    batch_fusion_ = register_module("batch_fusion", BatchFusion(of_vectors));
  } else if (settings.has_fusion()) {
    fusion_ = register_module("fusion", GatedFusion(fusion));
  }
  mlp_ = register_module("mlp", ResidualMlp(pooled, pooled, /*blocks=*/1, settings.mlp_dropout));
  head_ = register_module("head", HashHead(pooled, shape.bits));
}

PromptHashNetworkImpl::TokenMaker PromptHashNetworkImpl::make_tokens(const std::string& name, std::int64_t features,
                                                                     double input_dropout) {
  const std::int64_t width = settings_.width, tokens = settings_.tokens;
  TokenMaker maker;
  maker.input_dropout = register_module(name + "_input_dropout", torch::nn::Dropout(input_dropout));
  maker.dropout = register_module(name + "_dropout", torch::nn::Dropout(settings_.token_dropout));
  maker.linear = register_module(name + "_tokens", torch::nn::Linear(features, tokens * width));
  maker.position = register_parameter(name + "_position", drawn({tokens, width}, kSmall));
  maker.norm = register_module(name + "_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
  if (settings_.has_prompts())
    maker.affinity = register_module(name + "_affinity", torch::nn::Linear(tokens * width, shape_.concepts));
  if (settings_.has_fusion() && !settings_.is_paper())
    maker.null = register_parameter(name + "_null", drawn({1, width}, kSmall));
  return maker;
}

PromptedHalf PromptHashNetworkImpl::prompted(const TokenMaker& maker, const torch::Tensor& features,
                                             const torch::Tensor& labels) {
  auto linear = maker.linear;
  auto norm = maker.norm;
  auto dropout = maker.dropout;
  auto input_dropout = maker.input_dropout;
  const auto dilated = linear(input_dropout(features)).view({-1, settings_.tokens, settings_.width});
  const auto tokens = dropout(torch::gelu(norm(dilated + maker.position)));
  if (!settings_.has_prompts()) return {.tokens = tokens, .prompt = {}, .affinity = {}};
  auto affinity_map = maker.affinity;
  const auto affinity = affinity_map(tokens.flatten(1));
  const auto share = settings_.is_oracle() ? even_label_shares(labels) : torch::softmax(affinity, 1);
  const auto prompt = context_ + share.mm(concepts_).unsqueeze(1);
  const auto spoken = prompt_norm_(prompt_block_(torch::cat({tokens, prompt}, 1)));
  const auto own = spoken.narrow(1, 0, settings_.tokens);
  const auto after = spoken.narrow(1, settings_.tokens, settings_.tokens);
  return {.tokens = own * (1 + after), .prompt = after.flatten(1), .affinity = affinity};
}

torch::Tensor PromptHashNetworkImpl::alone(Modality modality, const torch::Tensor& tokens) {
  if (fusion_.is_empty()) return tokens.flatten(1);
  const bool image = modality == Modality::kImage;
  const auto null = (image ? text_ : image_).null.expand({tokens.size(0), 1, settings_.width});
  const auto fused = fusion_(image ? torch::cat({tokens, null}, 1) : torch::cat({null, tokens}, 1));
  return ((tokens + fused.narrow(1, image ? 0 : 1, settings_.tokens)) / 2).flatten(1);
}

torch::Tensor PromptHashNetworkImpl::together(const torch::Tensor& image_tokens, const torch::Tensor& text_tokens) {
  auto image = image_tokens, text = text_tokens;
  if (!fusion_.is_empty()) {
    const auto fused = fusion_(torch::cat({image, text}, 1));
    image = (image + fused.narrow(1, 0, settings_.tokens)) / 2;
    text = (text + fused.narrow(1, settings_.tokens, settings_.tokens)) / 2;
  }
  return ((image + text) / 2).flatten(1);
}

// (v1, t1) = F(v, t); (v2, p1) = F(v1, p), as released.
PromptHashOutputs PromptHashNetworkImpl::paired(const PromptedHalf& image, const PromptedHalf& text) {
  const auto v = image.tokens.flatten(1);
  const auto t = text.tokens.flatten(1);
  const auto [v1, t1] = batch_fusion_->forward(v, t);
  const auto [v2, p1] = batch_fusion_->forward(v1, text.prompt.defined() ? text.prompt : t);
  PromptHashOutputs outputs;
  outputs.image = (v + v2) / 2;
  outputs.text = (t + t1) / 2;
  outputs.both = (outputs.image + outputs.text) / 2;
  if (text.prompt.defined()) outputs.text_prompt = (text.prompt + p1) / 2;
  return outputs;
}

PromptHashOutputs PromptHashNetworkImpl::forward(const torch::Tensor& image, const torch::Tensor& text,
                                                 const torch::Tensor& labels) {
  const auto image_half = prompted(image_, image, labels);
  const auto text_half = prompted(text_, text, labels);
  PromptHashOutputs outputs;
  if (settings_.is_paper()) {
    outputs = paired(image_half, text_half);
  } else {
    const auto rows = static_cast<double>(image.size(0));
    const auto pairs = static_cast<std::int64_t>(std::ceil(rows * (is_training() ? settings_.pair_share : 1)));
    outputs.image = alone(Modality::kImage, image_half.tokens);
    outputs.text = alone(Modality::kText, text_half.tokens);
    outputs.both = together(image_half.tokens.narrow(0, 0, pairs), text_half.tokens.narrow(0, 0, pairs));
    outputs.image_prompt = image_half.prompt;
    outputs.text_prompt = text_half.prompt;
  }
  // One pass through the MLP for all of them.
  std::vector<torch::Tensor*> parts;
  for (auto* part : {&outputs.image, &outputs.text, &outputs.both, &outputs.image_prompt, &outputs.text_prompt})
    if (part->defined()) parts.push_back(part);
  std::vector<torch::Tensor> joined;
  for (const auto* part : parts) joined.push_back(*part);
  const auto rows = mlp_(torch::cat(joined));
  std::int64_t begin = 0;
  for (auto* part : parts) {
    *part = rows.narrow(0, begin, part->size(0));
    begin += part->size(0);
  }
  outputs.image_affinity = image_half.affinity;
  outputs.text_affinity = text_half.affinity;
  return outputs;
}

torch::Tensor PromptHashNetworkImpl::outputs(Modality modality, const torch::Tensor& image, const torch::Tensor& text,
                                             const torch::Tensor& labels) {
  torch::Tensor rows;
  if (settings_.is_paper()) {
    const auto all = forward(image, text, labels);
    rows = modality == Modality::kImage ? all.image : modality == Modality::kText ? all.text : all.both;
  } else if (modality == Modality::kBoth) {
    rows = mlp_(together(prompted(image_, image, labels).tokens, prompted(text_, text, labels).tokens));
  } else {
    const bool of_image = modality == Modality::kImage;
    rows = mlp_(alone(modality, prompted(of_image ? image_ : text_, of_image ? image : text, labels).tokens));
  }
  return heads(rows).narrow(1, 0, shape_.all_bits() - shape_.bits.back());
}

}  // namespace warifu
