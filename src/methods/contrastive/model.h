#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "methods/input_stage.h"
#include "nn/hash_head.h"
#include "nn/tensor_io.h"

namespace warifu {

// Standardised features -> one hidden layer -> codes of all lengths; the features come from its input stage.
class ContrastiveBranchImpl : public torch::nn::Module {
 public:
  ContrastiveBranchImpl(const InputSpec& spec, std::int64_t hidden, double dropout,
                        const std::vector<std::uint32_t>& bits);

  InputStage input = nullptr;

  // Relaxed codes of all lengths, side by side: float [batch, sum of bits] in (-1, 1), of an input of the
  // stage or of features [batch, width] that it has standardised.
  torch::Tensor forward(const torch::Tensor& input_rows);
  torch::Tensor codes_of(const torch::Tensor& standardised);

  // For the teacher: as while training, but without dropout. Its tower's output differs from the
  // student's, so its own batch standardises it.
  void teach();

  // The layers as methods/hash_encoder.h reads them, and the tower, under names starting with `prefix`.
  void export_to(NamedTensors& tensors, const std::string& prefix) const;

 private:
  torch::nn::Dropout dropout_ = nullptr;
  torch::nn::Linear hidden_ = nullptr;
  HashHead head_ = nullptr;
};
TORCH_MODULE(ContrastiveBranch);

// The two branches, and what their comparison learns.
class ContrastiveModelImpl : public torch::nn::Module {
 public:
  ContrastiveModelImpl(const InputSpec& image, const InputSpec& text, std::int64_t hidden, double dropout,
                       const std::vector<std::uint32_t>& bits, double temperature);

  ContrastiveBranch image = nullptr;
  ContrastiveBranch text = nullptr;
  torch::Tensor log_temperature;  // [1]
  torch::Tensor bias;             // [1], of the sigmoid loss; 0 otherwise
};
TORCH_MODULE(ContrastiveModel);

// teacher = momentum * teacher + (1 - momentum) * student, over parameters; buffers (statistics) are copied.
void follow(torch::nn::Module& teacher, const torch::nn::Module& student, double momentum);

}  // namespace warifu
