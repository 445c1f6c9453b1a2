#include "methods/ccl/model.h"

#include <cmath>
#include <numeric>

#include "nn/losses.h"

namespace warifu {

std::int64_t CclShape::all_bits() const { return std::reduce(bits.begin(), bits.end(), std::int64_t{0}); }

CclPathwayImpl::CclPathwayImpl(std::int64_t features, std::int64_t parts, double dropout, const CclSettings& settings)
    : features_(features), parts_(parts) {
  const std::int64_t width = settings.width;
  const std::int64_t joined = parts > 0 ? 2 * width : width;
  input_dropout_ = register_module("input_dropout", torch::nn::Dropout(dropout));
  hidden_dropout_ = register_module("hidden_dropout", torch::nn::Dropout(settings.hidden_dropout));
  whole_ = register_module("whole", torch::nn::Linear(features, width));
  if (parts > 0) part_ = register_module("part", torch::nn::Linear(features, width));
  if (parts > 0 && settings.has_attention()) score_ = register_module("score", torch::nn::Linear(width, 1));
  norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({joined})));
  common_ = register_module("common", torch::nn::Linear(joined, width));
}

CclFeatures CclPathwayImpl::forward(const Grains& grains) {
  TORCH_CHECK(grains.whole.dim() == 2 && grains.whole.size(1) == features_ && grains.count() == parts_, "whole ",
              grains.whole.sizes(), " with ", grains.count(), " parts; made for ", features_, " and ", parts_);
  CclFeatures features;
  features.whole = torch::gelu(whole_(input_dropout_(grains.whole)));
  if (parts_ > 0) features.part = pooled(grains);
  features.common = fused(features.whole, features.part);
  return features;
}

torch::Tensor CclPathwayImpl::pooled(const Grains& grains) {
  const auto hidden = torch::gelu(part_(input_dropout_(grains.parts)));  // [B, T, W]
  auto share = grains.present;
  if (!score_.is_empty()) {
    const auto score = score_(hidden).squeeze(2).masked_fill(share.eq(0), -1e9);
    share = torch::softmax(score, 1) * share;
  }
  share = share / share.sum(1, /*keepdim=*/true).clamp_min(1e-12);
  return share.unsqueeze(1).bmm(hidden).squeeze(1);
}

torch::Tensor CclPathwayImpl::fused(const torch::Tensor& whole, const torch::Tensor& part) {
  return common_(hidden_dropout_(norm_(part.defined() ? torch::cat({whole, part}, 1) : whole)));
}

torch::Tensor CclPathwayImpl::parts_alone(const Grains& grains) {
  TORCH_CHECK(parts_ > 0 && grains.count() == parts_, "no parts to look at");
  const auto rows = grains.parts.flatten(0, 1);
  const auto whole = torch::gelu(whole_(input_dropout_(rows)));
  return fused(whole, torch::gelu(part_(input_dropout_(rows))));
}

CclNetworkImpl::CclNetworkImpl(const CclShape& shape, const CclSettings& settings)
    : shape_(shape), settings_(settings) {
  image_ = register_module("image", CclPathway(shape.image_width, shape.image_parts, settings.image_dropout, settings));
  text_ = register_module("text", CclPathway(shape.text_width, shape.text_parts, settings.text_dropout, settings));
  if (shape.classes > 0)
    classes_ = register_parameter(
        "classes", torch::randn({shape.classes, settings.width}) / std::sqrt(static_cast<double>(settings.width)));
  head_ = register_module("head", HashHead(settings.width, shape.bits));
}

torch::Tensor CclNetworkImpl::class_logits(const torch::Tensor& common) const {
  TORCH_CHECK(classes_.defined(), "learnt without labels");
  return settings_.class_scale * unit_rows(common).mm(unit_rows(classes_).t());
}

std::int64_t CclNetworkImpl::embedding_width() const {
  return shape_.classes > 0 ? shape_.classes + 2 : settings_.width;
}

torch::Tensor CclNetworkImpl::embedding(Modality modality, const torch::Tensor& common) const {
  if (shape_.classes == 0) return unit_rows(common);
  const auto shares = torch::softmax(settings_.sharpness * class_logits(common), 1);
  const auto lacking = (1 - shares.square().sum(1, /*keepdim=*/true)).clamp_min(0).sqrt();
  const auto none = torch::zeros_like(lacking);
  switch (modality) {
    case Modality::kImage:
      return unit_rows(torch::cat({shares, lacking, none}, 1));
    case Modality::kText:
      return unit_rows(torch::cat({shares, none, lacking}, 1));
    case Modality::kBoth:
      break;
  }
  const auto half = lacking / std::sqrt(2.0);
  return unit_rows(torch::cat({shares, half, half}, 1));
}

torch::Tensor common_of_both(const torch::Tensor& image, const torch::Tensor& text) {
  return (unit_rows(image) + unit_rows(text)) / 2;
}

}  // namespace warifu
