#include "methods/contrastive/model.h"

namespace warifu {

ContrastiveBranchImpl::ContrastiveBranchImpl(const InputSpec& spec, std::int64_t hidden, double dropout,
                                             const std::vector<std::uint32_t>& bits) {
  input = register_module("input", InputStage(spec));
  dropout_ = register_module("dropout", torch::nn::Dropout(dropout));
  hidden_ = register_module("hidden", torch::nn::Linear(spec.width, hidden));
  head_ = register_module("head", HashHead(hidden, bits));
}

torch::Tensor ContrastiveBranchImpl::forward(const torch::Tensor& input_rows) {
  return codes_of(input->standardised(input->features_of(input_rows)));
}

torch::Tensor ContrastiveBranchImpl::codes_of(const torch::Tensor& standardised) {
  const auto hidden = torch::relu(hidden_->forward(dropout_->forward(standardised)));
  return torch::tanh(head_->forward(dropout_->forward(hidden)));
}

void ContrastiveBranchImpl::teach() {
  train();
  dropout_->eval();
}

void ContrastiveBranchImpl::export_to(NamedTensors& tensors, const std::string& prefix) const {
  input->export_to(tensors, prefix);
  tensors[prefix + ".layer0.weight"] = hidden_->weight.detach();
  tensors[prefix + ".layer0.bias"] = hidden_->bias.detach();
  tensors[prefix + ".layer1.weight"] = head_->linear()->weight.detach();
  tensors[prefix + ".layer1.bias"] = head_->linear()->bias.detach();
}

ContrastiveModelImpl::ContrastiveModelImpl(const InputSpec& image_spec, const InputSpec& text_spec, std::int64_t hidden,
                                           double dropout, const std::vector<std::uint32_t>& bits, double temperature) {
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
