#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "methods/dlch/old_sums.h"
#include "methods/dlch/settings.h"

namespace warifu {

// One batch of the first generation. Codes of all lengths lie side by side, K columns; relaxed by tanh.
struct DlchBatch {
  torch::Tensor image, text, label;                       // f, g, h [B, K]
  torch::Tensor labels;                                   // multi-hot [B, C]
  torch::Tensor image_buffer, text_buffer, label_buffer;  // F, G, H of S drawn items, [S, K]
  torch::Tensor similar;                                  // cosine of label vectors, [B, S]
  torch::Tensor image_codes, text_codes;                  // Bx, By of the batch's items, [B, K]
};

// The terms of the loss, each float [] with its weight in it; README.md states them as equations.
struct DlchTerms {
  torch::Tensor similarity, quantization, classes;

  torch::Tensor sum() const { return similarity + quantization + classes; }
};

// words: class code words [C, bits] of each length.
DlchTerms dlch_terms(const DlchBatch& batch, const std::vector<torch::Tensor>& words,
                     const std::vector<std::uint32_t>& bits, const DlchSettings& settings);

// The second phase for one modality and length, divided by K^2, the batch's rows and all items behind the sums and the
// new codes:
//   ||K S_old - F B_old^T||^2 + epsilon ||K S_new - F B_new^T||^2 + alpha ||B - F||^2 + beta ||F^T 1||^2
//
//   outputs     F [rows, K], relaxed by tanh
//   labels      multi-hot [rows, C]
//   own_codes   B [rows, K] of the batch's items;  new_codes [n, K], new_labels [n, C] of all new items
torch::Tensor update_loss(const torch::Tensor& outputs, const torch::Tensor& labels, const OldSums& sums,
                          const torch::Tensor& own_codes, const torch::Tensor& new_codes,
                          const torch::Tensor& new_labels, double old_items, const DlchSettings& settings);

}  // namespace warifu
