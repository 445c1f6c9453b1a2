#pragma once

#include <torch/torch.h>

namespace warifu {

// One round of discrete cyclic coordinate descent: bit after bit the codes B of n items that make
//
//   ||K S - U B^T||^2 + weight * ||Ubar - B||^2,   S = Lhat_m Lhat_n^T
//
// least while the others are held, in Gram form with G = U^T U:
//   b_k = sign( K Lhat_n (Lhat_m^T u_k) + weight * Ubar_k - B G_k + b_k G_kk )
// A bit whose gradient is 0 keeps its value.
//
//   codes           B [n, K] of -1 and 1, at the start
//   outputs         U [m, K], of a sample
//   sample_labels   multi-hot [m, C];  labels  multi-hot [n, C]
//   own_outputs     Ubar [n, K]: rows of U for items of the sample, 0 for others
//   returns         B [n, K]
//
// Source: F. Shen et al., "Supervised Discrete Hashing", CVPR 2015, as in ADSH (AAAI 2018), DIHN (CVPR 2019) and DLCH.
torch::Tensor discrete_codes(const torch::Tensor& codes, const torch::Tensor& outputs,
                             const torch::Tensor& sample_labels, const torch::Tensor& labels,
                             const torch::Tensor& own_outputs, double weight);

}  // namespace warifu
