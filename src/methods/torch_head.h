#pragma once

#include <torch/torch.h>

#include <functional>

#include "methods/attribute.h"

namespace warifu {

// The head of a network: `values_of` makes [1, bits] of rows of features [1, width] as their source gives them,
// undefined where that half is not looked at. It must be differentiable and may be called from several threads at once.
// A slope without end, as the root has at 0, counts as none.
Head torch_head(std::function<torch::Tensor(const torch::Tensor& image, const torch::Tensor& text)> values_of);

}  // namespace warifu
