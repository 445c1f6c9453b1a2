#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "methods/prompthash/model.h"
#include "methods/prompthash/settings.h"

namespace warifu {

// One batch of B items as the objective sees it. Codes of all lengths lie side by side, the auxiliary one last:
// K columns.
struct PromptHashBatch {
  PromptHashOutputs outputs;
  torch::Tensor image, text;                // relaxed codes [B, K]
  torch::Tensor both;                       // of the first rows, [<= B, K]
  torch::Tensor labels;                     // multi-hot [B, M]
  torch::Tensor similar;                    // [B, B]: 1 for items that share a label and for one and the same
  torch::Tensor image_buffer, text_buffer;  // codes of S items of the training set as last seen, [S, K]; U, V
  torch::Tensor buffer_similar;             // [S, B]
  torch::Tensor targets;                    // B: signs [B, K]
  std::vector<torch::Tensor> decoded;       // of images, then of texts, from each length but the auxiliary: [B, K_aux]
};

// The terms of the loss, each float [] with its weight in it; undefined where left out. README.md states them
// as equations.
struct PromptHashTerms {
  torch::Tensor classes, likelihood, quantization, reconstruction, global, local, affinity;

  torch::Tensor sum() const;
};

// words: class code words [M, bits] of each length.
PromptHashTerms prompthash_terms(const PromptHashBatch& batch, const std::vector<torch::Tensor>& words,
                                 const std::vector<std::uint32_t>& bits, const PromptHashSettings& settings);

}  // namespace warifu
