#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "base/rng.h"

namespace warifu {

// How much two classes pull their code words together, float [classes, classes], symmetric, 0 on the diagonal:
//   exp(sharpness * cosine of the classes' mean features) * sqrt(items of the one * items of the other).
//
//   features   float [items, width], standardised
//   labels     float [items, classes], multi-hot
//   sharpness  >= 0
torch::Tensor class_pull(const torch::Tensor& features, const torch::Tensor& labels, double sharpness);

// One code word a class, float [classes, bits] of -1 and 1: first words that lie far from each other (the word
// with the nearest neighbour is drawn anew, again and again), then dealt to the classes so that classes that
// pull each other get near words (pairs change words by simulated annealing of the sum of pull times distance). An item
// that is taken for a wrong, but alike class then still has its own class next.
//
//   pull  as class_pull: float [classes, classes]; the same words for the same pull, bits and state of rng
//
// Sources: words far from each other as targets of codes: L. Yuan et al., "Central Similarity Quantization", CVPR 2020;
// J. T. Hoe et al., "One Loss for All" (OrthoHash), NeurIPS 2021. Dealing them by likeness is ours.
torch::Tensor class_code_words(const torch::Tensor& pull, std::int64_t bits, Rng& rng);

}  // namespace warifu
