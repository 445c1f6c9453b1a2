#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "methods/contrastive/settings.h"
#include "nn/negative_bank.h"

namespace warifu {

// Items of a batch whose labels are known: relaxed codes [n, sum of bits], with gradient. Undefined: none.
struct LabelledItems {
  torch::Tensor image = {};
  torch::Tensor text = {};
  torch::Tensor alike = {};  // float [n, n]: 1 where two share a label, so on the diagonal; else 0
  torch::Tensor clean = {};  // float [n], as PairBatch::clean
  double weight = 0;  // of what they teach, 0 … 1; the contrast of pairs has LabelSchedule::pair_weight_beside of it
};

// One batch as the objective sees it: relaxed codes [batch, sum of bits] of the student (with
// gradient) and of the teacher (without), and the item of each row.
struct PairBatch {
  torch::Tensor image;
  torch::Tensor text;
  torch::Tensor teacher_image;
  torch::Tensor teacher_text;
  torch::Tensor items;  // int64 [batch]
  torch::Tensor clean;  // float [batch] in 0 … 1: how much a pair may teach; undefined: all of them, all
  LabelledItems labelled = {};
};

// How the objective stands at one step.
struct ObjectivePlace {
  const NegativeBank* bank = nullptr;  // null: not used yet
  torch::Tensor temperature;           // float [1], with gradient
  torch::Tensor bias;                  // float [1], with gradient; of siglip
  double soft_share = 0;               // of the teacher in the targets, 0 … 1
  std::int64_t step = 0;
  double age_horizon = 1;  // of the bank's keys, in steps
};

// The objective of one batch, a float []: for each code length the symmetric contrast within the
// batch and (where `bank` holds keys) against the teacher's keys of batch and bank, mean over pairs by how
// clean they are; the contrast of labelled items whose positives share a label; then consistency, uniformity and
// quantization. README.md states it as equations.
torch::Tensor contrastive_objective(const PairBatch& batch, const ObjectivePlace& place,
                                    const std::vector<std::uint32_t>& bits, const ContrastiveSettings& settings);

// Mean reciprocal rank of the other half of each pair by Hamming distance, both directions together;
// ties count in the middle. codes: relaxed [pairs, bits]. 0 for no pairs.
double pair_retrieval_score(const torch::Tensor& image, const torch::Tensor& text);

}  // namespace warifu
