#pragma once

#include <torch/torch.h>

namespace warifu {

// Terms of training objectives. All take float tensors, return a float [] and let gradients flow.

// (1 - share) on the columns of the same item, evenly, and `share` by the softmax of similarity /
// temperature: what a teacher believes. No gradient.
//
//   same        [rows, columns] bool, at least one true in a row
//   similarity  [rows, columns]
//   left_out    [rows, columns] bool or undefined: columns that get nothing
torch::Tensor softened_targets(const torch::Tensor& same, const torch::Tensor& similarity, double share,
                               double temperature, const torch::Tensor& left_out = {});

// Mean squared gap between relaxed codes and their signs: how much is lost by cutting them to bits.
//
//   relaxed  [rows, bits], usually in (-1, 1)
//   returns  >= 0; 0 exactly when every entry is -1 or +1. sign(0) counts as +1; no gradient through it.
//
// Source: the quantization term of Q.-Y. Jiang and W.-J. Li, "Deep Cross-Modal Hashing", CVPR 2017,
// per entry instead of summed.
torch::Tensor quantization_loss(const torch::Tensor& relaxed);

// log of the mean of exp(-2 ||a - b||^2) over all pairs of different rows: low when the rows spread
// evenly over the sphere. 0 for fewer than two rows.
//
//   unit_rows  [rows, width], each of length 1
//
// Source: T. Wang and P. Isola, "Understanding Contrastive Representation Learning through Alignment
// and Uniformity on the Hypersphere", ICML 2020.
torch::Tensor uniformity_loss(const torch::Tensor& unit_rows);

// Rows brought to length 1; a row of zeros stays.
torch::Tensor unit_rows(const torch::Tensor& rows);

}  // namespace warifu
