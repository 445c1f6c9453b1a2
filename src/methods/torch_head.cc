#include "methods/torch_head.h"

#include <c10/core/InferenceMode.h>

#include <utility>
#include <vector>

namespace warifu {
namespace {

torch::Tensor leaf_of(const std::vector<float>& row) {
  if (row.empty()) return {};
  return torch::tensor(at::ArrayRef<float>(row)).unsqueeze(0).requires_grad_(true);
}

std::vector<float> to_vector(const torch::Tensor& tensor) {
  const auto dense = tensor.detach().contiguous();
  return {dense.data_ptr<float>(), dense.data_ptr<float>() + dense.numel()};
}

std::vector<float> gradient_of(const torch::Tensor& values, const torch::Tensor& weights, const torch::Tensor& leaf) {
  if (!leaf.defined()) return {};
  return to_vector(
      torch::autograd::grad({values}, {leaf}, {weights}, /*retain_graph=*/true).front().nan_to_num(0, 0, 0));
}

}  // namespace

Head torch_head(std::function<torch::Tensor(const torch::Tensor& image, const torch::Tensor& text)> values_of) {
  return [values_of = std::move(values_of)](const HalfRows& rows) {
    const c10::InferenceMode none(false);
    const torch::AutoGradMode with_gradients(true);
    const auto image = leaf_of(rows.image), text = leaf_of(rows.text);
    const auto values = values_of(image, text).flatten();
    HeadPass pass;
    pass.values = to_vector(values);
    pass.pull = [image, text, values](std::span<const float> weights) {
      const c10::InferenceMode outside(false);
      const torch::AutoGradMode gradients(true);
      const auto sums = torch::tensor(at::ArrayRef<float>(weights.data(), weights.size()));
      return HalfRows{gradient_of(values, sums, image), gradient_of(values, sums, text)};
    };
    return pass;
  };
}

}  // namespace warifu
