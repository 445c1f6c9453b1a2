#include "nn/grouped_linear.h"

#include <cmath>

namespace warifu {

GroupedLinearImpl::GroupedLinearImpl(std::int64_t inputs, std::int64_t outputs, std::int64_t groups) : groups_(groups) {
  TORCH_CHECK(groups >= 1 && inputs >= groups && outputs >= groups && inputs % groups == 0 && outputs % groups == 0,
              inputs, " inputs and ", outputs, " outputs in ", groups, " groups");
  const double reach = 1 / std::sqrt(static_cast<double>(inputs / groups));
  const auto drawn = [&](torch::IntArrayRef shape) { return (torch::rand(shape) * 2 - 1) * reach; };
  weight_ = register_parameter("weight", drawn({groups, inputs / groups, outputs / groups}));
  bias_ = register_parameter("bias", drawn({outputs}));
}

torch::Tensor GroupedLinearImpl::forward(const torch::Tensor& rows) {
  const auto runs = rows.view({rows.size(0), groups_, -1}).transpose(0, 1);
  return torch::bmm(runs, weight_).transpose(0, 1).reshape({rows.size(0), -1}) + bias_;
}

}  // namespace warifu
