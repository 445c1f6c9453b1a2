#pragma once

#include <torch/torch.h>

namespace warifu {

// All that an update may know of the old items' codes and labels. With B_old their codes [n, K] and Lhat_old their
// label vectors [n, C], each brought to length 1:
//
//   A = B_old^T B_old  [K, K],   M = Lhat_old^T B_old  [C, K],   T = Lhat_old^T Lhat_old  [C, C]
//
// They add over items, so they grow with the vocabulary and never with the database.
struct OldSums {
  torch::Tensor codes;   // A, float64
  torch::Tensor cross;   // M, float64
  torch::Tensor labels;  // T, float64

  static OldSums none(std::int64_t bits);

  // Makes room for label values 0 … classes - 1.
  void widen(std::int64_t classes);

  // codes [n, K] of -1 and 1; labels [n, C] multi-hot, C as widened to.
  void add(const torch::Tensor& codes_of_items, const torch::Tensor& labels_of_items);
};

// ||K S_old - F B_old^T||^2 with S_old = Lhat Lhat_old^T, without the old items:
//   K^2 tr((Lhat^T Lhat) T) - 2 K <F, Lhat M> + tr(F A F^T)
//
//   outputs  F [m, K]
//   labels   multi-hot [m, C]
//   returns  float [], with the gradient in F
//
// Source: the first term of DLCH's second phase (L. Xu et al., IEEE TCSVT 2024), in the form of README.md.
torch::Tensor old_codes_loss(const torch::Tensor& outputs, const torch::Tensor& labels, const OldSums& sums);

// The outputs at which old_codes_loss is least: f* = K A^-1 M^T lhat, [m, K]. A must be of full rank.
torch::Tensor old_codes_optimum(const torch::Tensor& labels, const OldSums& sums);

}  // namespace warifu
