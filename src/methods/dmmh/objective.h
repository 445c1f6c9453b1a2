#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

#include "methods/dmmh/settings.h"

namespace warifu {

// What one set of codes of B items is taught by, of one length.
struct DmmhBatch {
  torch::Tensor relaxed;          // h [B, bits], in (-1, 1)
  torch::Tensor class_logits;     // W h + b [B, M]
  torch::Tensor words;            // class words [M, bits]
  torch::Tensor labels;           // y, multi-hot [B, M]
  torch::Tensor column_of_value;  // int64 [M]: the label column of each value, 0 … columns - 1
};

// The terms of the loss, each float [] without its weight. README.md states them as equations.
struct DmmhTerms {
  torch::Tensor similarity, classifier, words, quantization;

  // Weighed by the settings.
  torch::Tensor sum(const DmmhSettings& settings) const;
};
DmmhTerms dmmh_terms(const DmmhBatch& batch, const DmmhSettings& settings);

}  // namespace warifu
