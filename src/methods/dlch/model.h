#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "methods/input_stage.h"
#include "methods/modality_data.h"
#include "nn/hash_head.h"
#include "nn/tensor_io.h"

namespace warifu {

// How features enter a branch: standardised, centred and, where they are not too wide, whitened. Fitted to the first
// generation's items and never changed, so the inputs of old items keep known second moments.
struct DlchInput {
  InputStage stage = nullptr;  // mean and 1 / spread
  torch::Tensor centre;        // [width], of standardised features
  torch::Tensor map;           // [width, inputs]; undefined: the identity
  torch::Tensor spread;        // variance of each input, [inputs]

  // Fits it to the rows of `data` at `train`, and standardises `data`. Whitened: the `components` directions of
  // greatest variance v, each by 1 / sqrt(v + floor * mean v); the identity where components is 0 or the features are
  // wider than `widest`.
  static DlchInput fit(ModalityData& data, const torch::Tensor& train, double spread_floor, std::int64_t components,
                       std::int64_t widest, double floor);

  std::int64_t inputs() const { return spread.size(0); }
  torch::Tensor of(const torch::Tensor& standardised) const;  // [rows, width] -> [rows, inputs]

  // weight [units, inputs] and bias [units] on inputs as the same on standardised features.
  std::pair<torch::Tensor, torch::Tensor> unfold(const torch::Tensor& weight, const torch::Tensor& bias) const;
};

// Inputs -> one hidden layer -> real values whose signs are the bits of all lengths, side by side.
class DlchBranchImpl : public torch::nn::Module {
 public:
  DlchBranchImpl(std::int64_t inputs, std::int64_t hidden, double input_dropout, double hidden_dropout,
                 const std::vector<std::uint32_t>& bits);

  torch::Tensor forward(const torch::Tensor& inputs);  // [batch, inputs] -> [batch, sum of bits]

  // The layers as methods/hash_encoder.h reads them and what updates need of the input, under `prefix`.
  void export_to(NamedTensors& tensors, const std::string& prefix, const DlchInput& input) const;

 private:
  torch::nn::Dropout input_dropout_ = nullptr, hidden_dropout_ = nullptr;
  torch::nn::Linear hidden_ = nullptr;
  HashHead head_ = nullptr;
};
TORCH_MODULE(DlchBranch);

// The networks of pictures and texts, and that of labels, which bridges them while the first generation is trained.
class DlchModelImpl : public torch::nn::Module {
 public:
  DlchModelImpl(DlchBranch image_branch, DlchBranch text_branch, DlchBranch label_branch);
  DlchBranch image = nullptr, text = nullptr, label = nullptr;
};
TORCH_MODULE(DlchModel);

}  // namespace warifu
