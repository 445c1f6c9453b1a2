#pragma once

#include <torch/torch.h>

namespace warifu {

// What every tower gives: the parts of an input and the whole of it, in one width.
struct TowerOutput {
  torch::Tensor tokens;        // [batch, T, D] float; zero where `padding` is true
  torch::Tensor global;        // [batch, D] float
  torch::Tensor padding = {};  // [batch, T] bool, true where there is no token; undefined when every place has one
};

}  // namespace warifu
