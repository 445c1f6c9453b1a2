#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <functional>
#include <span>

#include "codes/code_space.h"
#include "methods/attribute.h"

namespace warifu {

// The head of a network: `values_of` makes [1, bits] of rows of features [1, width] as their source gives them,
// undefined where that half is not looked at. It must be differentiable and may be called from several threads at once.
// A slope without end, as the root has at 0, counts as none.
Head torch_head(std::function<torch::Tensor(const torch::Tensor& image, const torch::Tensor& text)> values_of);

// Of values [rows, bits of all spaces side by side] those of spaces[length].
torch::Tensor columns_of_length(const torch::Tensor& values, std::span<const CodeSpace> spaces, std::size_t length);

}  // namespace warifu
