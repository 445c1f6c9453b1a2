#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "nn/tensor_io.h"

namespace warifu {

// How badly pairs match, as the model sees it: -log of the share the other half has in the softmax of
// similarity / temperature over `keys` halves and itself, mean of both directions.
struct PairLosses {
  torch::Tensor own;        // float [pairs]
  torch::Tensor exchanged;  // float [pairs * kExchanges]: each picture with texts of other items
};
inline constexpr std::int64_t kExchanges = 4;

// image, text  [pairs, bits], rows of length 1; row i of both is pair i
// keys         at most so many pairs serve as the choice, evenly taken
//
// Which items exchange is the same in every call for the same number of pairs.
PairLosses pair_losses(const torch::Tensor& image, const torch::Tensor& text, double temperature,
                       std::int64_t keys = 2048);

// How likely each pair is to be right. The losses of pairs are a mixture of those of right pairs, which
// are small, and of wrong ones (E. Arazo et al., "Unsupervised Label Noise Modeling and Loss Correction", ICML
// 2019; Z. Huang et al., "Learning with Noisy Correspondence for Cross-modal Matching", NeurIPS 2021). Fitted
// alone, two parts halve the pairs also where all are right. So the share of wrong pairs is told first, by held-out
// pairs: the model has not learnt them, so wrong ones among them are like pairs exchanged on purpose
// (nn/known_noise_mixture.h). Under this share the mixture of the learnt pairs, whose wrong ones have sunk, is
// fitted (nn/mixture.h). While the model cannot tell right pairs from exchanged ones, all are believed.
class CleanPairs {
 public:
  // held_out: positions (int64) among `pairs` that are not learnt from; all others are taken for learnt. Where they are
  // fewer than 50, all pairs are taken for them: the share is then too small, and fewer wrong pairs are found.
  CleanPairs(std::int64_t pairs, torch::Tensor held_out);

  // Another look at every pair, mixed into the former ones by `momentum` (the share of these).
  void observe(const PairLosses& losses, double momentum);

  bool observed() const { return looks_.item<std::int64_t>() > 0; }

  // float [pairs] in 0 … 1; 1 for all while nothing was observed.
  const torch::Tensor& probability() const { return probability_; }

  // For checkpoints.
  NamedTensors state() const;
  void restore(const NamedTensors& state);

 private:
  torch::Tensor held_out_;
  torch::Tensor learnt_;
  PairLosses losses_;
  torch::Tensor looks_;        // int64 [1]
  torch::Tensor probability_;  // [pairs]
};

}  // namespace warifu
