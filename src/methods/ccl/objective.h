#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "methods/ccl/model.h"
#include "methods/ccl/settings.h"

namespace warifu {

// Terms of the loss, each float []. README.md states them as equations.

// Stage 1. What an auto-encoder of one modality gives beside its features.
struct CclReconstruction {
  torch::Tensor whole, part;  // of the grains' features [B, D], the part's of their mean; part may be undefined
  torch::Tensor hidden;       // of [h_whole; h_part] from the common layer
  torch::Tensor whole_of, part_of, hidden_of;  // what they should be
};
struct CclCorrelation {
  torch::Tensor within;  // mean squared gaps of the reconstructions, of both modalities
  torch::Tensor across;  // mean squared gaps of paired features, of each grain and of the common layer's directions
};
CclCorrelation ccl_correlation(const CclFeatures& image, const CclFeatures& text, const CclReconstruction& image_again,
                               const CclReconstruction& text_again);

// Mean over the parts that are there, [B, D]; zeros where there is none.
torch::Tensor mean_part(const Grains& grains);

// Stage 2. One batch of B items.
struct CclBatch {
  torch::Tensor image, text;                // in the common layer, [B, W]
  torch::Tensor image_logits, text_logits;  // [B, classes]; undefined without labels
  torch::Tensor image_codes, text_codes;    // relaxed, of all lengths side by side
  torch::Tensor labels;                     // multi-hot [B, classes]; undefined without labels
  torch::Tensor same;                       // bool [B, B]: the same item
  double unlabelled = 0;                    // share of the training items that have no label, 0 … 1
};

// The tasks: [pair constraint, category of pictures, category of texts, contrast of pairs]; those that do not apply
// are undefined.
struct CclTasks {
  torch::Tensor pairs, image_class, text_class, contrast;
};
CclTasks ccl_tasks(const CclBatch& batch, const CclSettings& settings);

// Codes: nearness to the code words of the classes and, for the share without labels, of pairs; and quantisation.
// words: of each length [classes, bits]; empty without labels.
torch::Tensor ccl_code_loss(const CclBatch& batch, const std::vector<torch::Tensor>& words,
                            const std::vector<std::uint32_t>& bits, const CclSettings& settings);

// sum over t of  exp(-s_t) L_t + s_t  with learnt s [tasks], kept to -5 … 5; `losses` may have undefined entries, which
// are left out together with their s. Where L_t are fixed the least is at s_t = log L_t, where each weighs
// 1 / L_t: no task outvoices the others by its unit.
//
// Source: A. Kendall, Y. Gal, R. Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018, in the
// form without factors 1/2.
torch::Tensor balanced_sum(const std::vector<torch::Tensor>& losses, const torch::Tensor& log_variance);

}  // namespace warifu
