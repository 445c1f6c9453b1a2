#include "nn/label_similarity.h"

namespace warifu {
namespace {

// Number of shared labels of each pair and of all labels of each item, at least 1: an unlabelled item
// has one of its own, shared with itself alone.
struct Counts {
  torch::Tensor shared;  // [items of a, items of b]
  torch::Tensor of_a;    // [items of a, 1]
  torch::Tensor of_b;    // [1, items of b]
};

Counts count(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& same) {
  TORCH_CHECK(a.dim() == 2 && b.dim() == 2 && a.size(1) == b.size(1), "labels ", a.sizes(), " and ", b.sizes());
  const torch::NoGradGuard no_grad;
  const auto of_a = a.sum(1).unsqueeze(1);
  const auto of_b = b.sum(1).unsqueeze(0);
  auto shared = a.mm(b.t());
  if (same.defined()) {
    TORCH_CHECK(same.sizes() == shared.sizes(), "same ", same.sizes(), " for pairs ", shared.sizes());
    shared = shared.masked_fill(same.logical_and(of_a == 0).logical_and(of_b == 0), 1);
  }
  return {shared, of_a.clamp_min(1), of_b.clamp_min(1)};
}

}  // namespace

torch::Tensor multi_hot(const std::vector<std::vector<std::uint32_t>>& labels, std::int64_t classes) {
  auto hot = torch::zeros({static_cast<std::int64_t>(labels.size()), classes});
  auto cells = hot.accessor<float, 2>();
  for (std::size_t item = 0; item < labels.size(); ++item) {
    for (const std::uint32_t label : labels[item]) {
      TORCH_CHECK(label < classes, "item ", item, ": label ", label, " of ", classes);
      float& cell = cells[static_cast<std::int64_t>(item)][label];
      TORCH_CHECK(cell == 0, "item ", item, ": label ", label, " twice");
      cell = 1;
    }
  }
  return hot;
}

torch::Tensor even_label_shares(const torch::Tensor& labels) {
  return labels / labels.sum(1, /*keepdim=*/true).clamp_min(1);
}

torch::Tensor any_label_similarity(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& same) {
  return count(a, b, same).shared.gt(0).to(a.dtype());
}

torch::Tensor cosine_label_similarity(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& same) {
  const auto [shared, of_a, of_b] = count(a, b, same);
  return shared / (of_a * of_b).sqrt();
}

torch::Tensor sigmoid_label_similarity(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& same) {
  return 2 * torch::sigmoid(count(a, b, same).shared) - 1;
}

torch::Tensor jaccard_label_similarity(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& same) {
  const auto [shared, of_a, of_b] = count(a, b, same);
  return shared / (of_a + of_b - shared);
}

}  // namespace warifu
