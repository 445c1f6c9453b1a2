#include "methods/dlch/model.h"

#include <algorithm>

namespace warifu {

DlchInput DlchInput::fit(ModalityData& data, const torch::Tensor& train, double spread_floor, std::int64_t components,
                         std::int64_t widest, double floor) {
  const torch::NoGradGuard no_grad;
  DlchInput input;
  input.stage = InputStage(data.spec());
  data.standardise(train, spread_floor, *input.stage);
  const auto rows = data.batch(train);
  input.centre = rows.mean(0);
  const auto centred = (rows - input.centre).to(torch::kFloat64);
  if (components == 0 || rows.size(1) > widest) {
    input.spread = centred.square().mean(0).to(torch::kFloat32);
    return input;
  }
  const auto [variances, directions] = at::linalg_eigh(centred.t().mm(centred) / rows.size(0), "L");
  const std::int64_t kept = std::min(components, rows.size(1));
  const auto largest = variances.narrow(0, rows.size(1) - kept, kept).clamp_min(0);
  const auto shrunk = (largest + floor * variances.mean() + 1e-9).rsqrt();
  input.map = (directions.narrow(1, rows.size(1) - kept, kept) * shrunk).to(torch::kFloat32).contiguous();
  input.spread = (largest * shrunk.square()).to(torch::kFloat32);
  return input;
}

torch::Tensor DlchInput::of(const torch::Tensor& standardised) const {
  const auto centred = standardised - centre;
  return map.defined() ? centred.mm(map) : centred;
}

std::pair<torch::Tensor, torch::Tensor> DlchInput::unfold(const torch::Tensor& weight,
                                                          const torch::Tensor& bias) const {
  const auto wide = map.defined() ? weight.mm(map.t()) : weight;
  return {wide, bias - wide.mv(centre)};
}

DlchBranchImpl::DlchBranchImpl(std::int64_t inputs, std::int64_t hidden, double input_dropout, double hidden_dropout,
                               const std::vector<std::uint32_t>& bits)
    : input_dropout_(register_module("input_dropout", torch::nn::Dropout(input_dropout))),
      hidden_dropout_(register_module("hidden_dropout", torch::nn::Dropout(hidden_dropout))),
      hidden_(register_module("hidden", torch::nn::Linear(inputs, hidden))),
      head_(register_module("head", HashHead(hidden, bits))) {}

torch::Tensor DlchBranchImpl::forward(const torch::Tensor& inputs) {
  return head_(hidden_dropout_(torch::relu(hidden_(input_dropout_(inputs)))));
}

void DlchBranchImpl::export_to(NamedTensors& tensors, const std::string& prefix, const DlchInput& input) const {
  const torch::NoGradGuard no_grad;
  input.stage->export_to(tensors, prefix);
  tensors[prefix + ".centre"] = input.centre;
  tensors[prefix + ".spread"] = input.spread;
  if (input.map.defined()) tensors[prefix + ".map"] = input.map;
  const auto [weight, bias] = input.unfold(hidden_->weight.detach(), hidden_->bias.detach());
  tensors[prefix + ".layer0.weight"] = weight.contiguous();
  tensors[prefix + ".layer0.bias"] = bias.contiguous();
  tensors[prefix + ".layer1.weight"] = head_->linear()->weight.detach();
  tensors[prefix + ".layer1.bias"] = head_->linear()->bias.detach();
}

DlchModelImpl::DlchModelImpl(DlchBranch image_branch, DlchBranch text_branch, DlchBranch label_branch)
    : image(register_module("image", std::move(image_branch))),
      text(register_module("text", std::move(text_branch))),
      label(register_module("label", std::move(label_branch))) {}

}  // namespace warifu
