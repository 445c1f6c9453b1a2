#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "methods/contrastive/settings.h"
#include "nn/negative_bank.h"

namespace warifu {

// One batch as the objective sees it: relaxed codes [batch, sum of bits] of the student (with
// gradient) and of the teacher (without), and the item of each row.
struct PairBatch {
  torch::Tensor image;
  torch::Tensor text;
  torch::Tensor teacher_image;
  torch::Tensor teacher_text;
  torch::Tensor items;  // int64 [batch]
};

// The objective of one batch, a float []: for each code length the mean of the symmetric contrast
// within the batch and (where `bank` is given and holds keys) against teacher's keys of batch and
// bank; then quantization and uniformity. README.md states it as equations.
//
//   temperature  float [1], with gradient
//   soft_share   share of the teacher in the targets, 0 … 1
//   step, age_horizon  for the bank's age weights, in steps
torch::Tensor contrastive_objective(const PairBatch& batch, const NegativeBank* bank, const torch::Tensor& temperature,
                                    double soft_share, std::int64_t step, double age_horizon,
                                    const std::vector<std::uint32_t>& bits, const ContrastiveSettings& settings);

// Mean reciprocal rank of the other half of each pair by Hamming distance, both directions together;
// ties count in the middle. codes: relaxed [pairs, bits]. 0 for no pairs.
double pair_retrieval_score(const torch::Tensor& image, const torch::Tensor& text);

}  // namespace warifu
