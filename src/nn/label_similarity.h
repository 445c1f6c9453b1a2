#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace warifu {

// How alike items are by their labels. Label vectors are multi-hot, [items, classes], 0 or 1; the
// similarities are [items of a, items of b], no gradient.
//
// Items without any label are unlike everything but themselves: nothing is known of them, which is no
// reason to call two of them alike. `same`, bool [items of a, items of b], says which pairs are one
// item (the two halves of a pair, a key of the own item in a bank); there an unlabelled item counts as
// having one label that no other item has. Without `same` it is unlike itself, too. Where an item has
// labels, `same` changes nothing. TORCH_CHECK fails where shapes do not fit.

// Float [items, classes]. TORCH_CHECK fails, with the item, for a label >= classes or one given twice:
// either means that the ids are not what the caller thinks.
torch::Tensor multi_hot(const std::vector<std::vector<std::uint32_t>>& labels, std::int64_t classes);

// The labels of each item evenly, so that they add up to 1; an item without one has none.
torch::Tensor even_label_shares(const torch::Tensor& labels);  // float [items, classes] -> the same shape

// 1 where at least one label is shared, else 0.
//
// Source: the ground truth of cross-modal hashing, e.g. Q.-Y. Jiang and W.-J. Li, CVPR 2017.
torch::Tensor any_label_similarity(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& same = {});

// <a, b> / (|a| |b|), in [0, 1].
//
// Source: DLCH, L. Xu et al., IEEE TCSVT 2024.
torch::Tensor cosine_label_similarity(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& same = {});

// 2 sigmoid(number of shared labels) - 1, in [0, 1): 0, 0.4621, 0.7616, 0.9051 for 0 to 3 of them, for
// an item with itself as well.
//
// Source: BSTH, W. Tan et al., SIGIR 2022 (released code).
torch::Tensor sigmoid_label_similarity(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& same = {});

// Shared labels by all labels of the two, in [0, 1]. P. Jaccard, 1901.
torch::Tensor jaccard_label_similarity(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& same = {});

}  // namespace warifu
