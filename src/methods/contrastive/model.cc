#include "methods/contrastive/model.h"

namespace warifu {

ContrastiveBranchImpl::ContrastiveBranchImpl(const BranchSpec& spec, std::int64_t hidden, double dropout,
                                             const std::vector<std::uint32_t>& bits)
    : spec_(spec) {
  if (spec.kind == BranchSpec::Kind::kPictures) picture_tower_ = register_module("tower", SmallImageTower(spec.width));
  if (spec.kind == BranchSpec::Kind::kPieces)
    text_tower_ = register_module("tower", SmallTextTower(spec.vocabulary_size, spec.width));
  mean_ = register_buffer("mean", torch::zeros({spec.width}));
  variance_ = register_buffer("variance", torch::ones({spec.width}));
  scale_ = register_buffer("scale", torch::ones({spec.width}));
  dropout_ = register_module("dropout", torch::nn::Dropout(dropout));
  hidden_ = register_module("hidden", torch::nn::Linear(spec.width, hidden));
  head_ = register_module("head", HashHead(hidden, bits));
}

torch::Tensor ContrastiveBranchImpl::forward(const torch::Tensor& input) { return codes_of(features_of(input)); }

torch::Tensor ContrastiveBranchImpl::features_of(const torch::Tensor& input) {
  if (!picture_tower_.is_empty()) return picture_tower_->forward(input).global;
  if (!text_tower_.is_empty()) return text_tower_->forward(input).global;
  return input;
}

torch::Tensor ContrastiveBranchImpl::codes_of(const torch::Tensor& features) {
  auto standardised = features;
  if (spec_.kind != BranchSpec::Kind::kFeatures)
    standardised = is_training() && features.size(0) > 1 ? standardise_batch(features) : standardise(features);
  const auto hidden = torch::relu(hidden_->forward(dropout_->forward(standardised)));
  return torch::tanh(head_->forward(dropout_->forward(hidden)));
}

void ContrastiveBranchImpl::teach() {
  train();
  dropout_->eval();
}

std::vector<torch::Tensor> ContrastiveBranchImpl::tower_parameters() const {
  if (!picture_tower_.is_empty()) return picture_tower_->parameters();
  if (!text_tower_.is_empty()) return text_tower_->parameters();
  return {};
}

void ContrastiveBranchImpl::export_to(NamedTensors& tensors, const std::string& prefix) const {
  tensors[prefix + ".mean"] = mean_;
  tensors[prefix + ".scale"] = scale_;
  tensors[prefix + ".layer0.weight"] = hidden_->weight.detach();
  tensors[prefix + ".layer0.bias"] = hidden_->bias.detach();
  tensors[prefix + ".layer1.weight"] = head_->linear()->weight.detach();
  tensors[prefix + ".layer1.bias"] = head_->linear()->bias.detach();
  const auto add_tower = [&](const torch::nn::Module& tower) {
    for (const auto& [name, tensor] : named_tensors(tower)) tensors[prefix + ".tower." + name] = tensor;
  };
  if (!picture_tower_.is_empty()) add_tower(*picture_tower_);
  if (!text_tower_.is_empty()) add_tower(*text_tower_);
}

void ContrastiveBranchImpl::set_standardisation(const torch::Tensor& mean, const torch::Tensor& scale) {
  const torch::NoGradGuard no_grad;
  mean_.copy_(mean);
  scale_.copy_(scale);
}

torch::Tensor ContrastiveBranchImpl::standardise_batch(const torch::Tensor& features) {
  constexpr double kMomentum = 0.1;
  constexpr double kEpsilon = 1e-5;
  const auto standardised = torch::batch_norm(features, /*weight=*/{}, /*bias=*/{}, mean_, variance_,
                                              /*training=*/true, kMomentum, kEpsilon, /*cudnn_enabled=*/false);
  const torch::NoGradGuard no_grad;
  scale_.copy_((variance_ + kEpsilon).rsqrt());
  return standardised.clamp(-kFeatureLimit, kFeatureLimit);
}

torch::Tensor ContrastiveBranchImpl::standardise(const torch::Tensor& features) const {
  return ((features - mean_) * scale_).clamp(-kFeatureLimit, kFeatureLimit);
}

ContrastiveModelImpl::ContrastiveModelImpl(const BranchSpec& image_spec, const BranchSpec& text_spec,
                                           std::int64_t hidden, double dropout, const std::vector<std::uint32_t>& bits,
                                           double temperature) {
  image = register_module("image", ContrastiveBranch(image_spec, hidden, dropout, bits));
  text = register_module("text", ContrastiveBranch(text_spec, hidden, dropout, bits));
  log_temperature = register_parameter("log_temperature", torch::full({1}, temperature).log());
  bias = register_parameter("bias", torch::zeros({1}));
}

void follow(torch::nn::Module& teacher, const torch::nn::Module& student, double momentum) {
  const torch::NoGradGuard no_grad;
  const auto targets = teacher.parameters();
  const auto sources = student.parameters();
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i].mul_(momentum).add_(sources[i].detach(), 1 - momentum);
  const auto target_buffers = teacher.buffers();
  const auto source_buffers = student.buffers();
  for (std::size_t i = 0; i < target_buffers.size(); ++i) target_buffers[i].copy_(source_buffers[i]);
}

}  // namespace warifu
