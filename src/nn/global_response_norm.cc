#include "nn/global_response_norm.h"

namespace warifu {

GlobalResponseNormImpl::GlobalResponseNormImpl(std::int64_t width)
    : gamma_(register_parameter("gamma", torch::zeros({width}))),
      beta_(register_parameter("beta", torch::zeros({width}))) {}

torch::Tensor GlobalResponseNormImpl::forward(const torch::Tensor& rows) {
  const auto length = torch::norm(rows, 2, {-1}, /*keepdim=*/true);
  const auto response = length / (length.mean(-1, /*keepdim=*/true) + 1e-6);
  return gamma_ * (rows * response) + beta_ + rows;
}

}  // namespace warifu
