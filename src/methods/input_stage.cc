#include "methods/input_stage.h"

#include "methods/checkpoint.h"

namespace warifu {
namespace {

constexpr double kVarianceFloor = 1e-5;  // added to the variance of a trained tower's output

}  // namespace

InputStageImpl::InputStageImpl(const InputSpec& spec) : spec_(spec) {
  if (spec.kind == InputSpec::Kind::kPictures) picture_tower_ = register_module("tower", SmallImageTower(spec.width));
  if (spec.kind == InputSpec::Kind::kPieces)
    text_tower_ = register_module("tower", SmallTextTower(spec.vocabulary_size, spec.width));
  mean_ = register_buffer("mean", torch::zeros({spec.width}));
  variance_ = register_buffer("variance", torch::ones({spec.width}));
  scale_ = register_buffer("scale", torch::ones({spec.width}));
}

torch::Tensor InputStageImpl::features_of(const torch::Tensor& input) {
  if (!picture_tower_.is_empty()) return picture_tower_->forward(input).global;
  if (!text_tower_.is_empty()) return text_tower_->forward(input).global;
  return input;
}

torch::Tensor InputStageImpl::standardised(const torch::Tensor& features) {
  if (spec_.kind == InputSpec::Kind::kFeatures) return features;
  return is_training() && features.size(0) > 1 ? standardise_batch(features) : standardise(features);
}

std::vector<torch::Tensor> InputStageImpl::tower_parameters() const {
  if (!picture_tower_.is_empty()) return picture_tower_->parameters();
  if (!text_tower_.is_empty()) return text_tower_->parameters();
  return {};
}

void InputStageImpl::export_to(NamedTensors& tensors, const std::string& prefix) const {
  tensors[prefix + ".mean"] = mean_;
  tensors[prefix + ".scale"] = scale_;
  if (!picture_tower_.is_empty()) add_tensors(tensors, prefix + ".tower.", named_tensors(*picture_tower_));
  if (!text_tower_.is_empty()) add_tensors(tensors, prefix + ".tower.", named_tensors(*text_tower_));
}

void InputStageImpl::set_standardisation(const torch::Tensor& mean, const torch::Tensor& scale) {
  const torch::NoGradGuard no_grad;
  mean_.copy_(mean);
  scale_.copy_(scale);
  // What a tower's running statistics go on from.
  if (spec_.kind != InputSpec::Kind::kFeatures) variance_.copy_(scale.pow(-2) - kVarianceFloor);
}

torch::Tensor InputStageImpl::standardise_batch(const torch::Tensor& features) {
  constexpr double kMomentum = 0.1;
  const auto standardised = torch::batch_norm(features, /*weight=*/{}, /*bias=*/{}, mean_, variance_,
                                              /*training=*/true, kMomentum, kVarianceFloor, /*cudnn_enabled=*/false);
  const torch::NoGradGuard no_grad;
  scale_.copy_((variance_ + kVarianceFloor).rsqrt());
  return standardised.clamp(-kFeatureLimit, kFeatureLimit);
}

torch::Tensor InputStageImpl::standardise(const torch::Tensor& features) const {
  return ((features - mean_) * scale_).clamp(-kFeatureLimit, kFeatureLimit);
}

InputPass::InputPass(InputStageImpl& stage, const torch::Tensor& input) {
  const auto parameters = stage.tower_parameters();
  if (parameters.empty()) {
    features_ = stage.standardised(input);
    return;
  }
  tower_.emplace(
      parameters, [&](const torch::Tensor& rows) { return std::vector{stage.features_of(rows)}; }, input);
  features_ = stage.standardised(tower_->outputs()[0]);
}

void InputPass::backward() {
  if (tower_) tower_->backward();
}

}  // namespace warifu
