#include "nn/hash_head.h"

#include <numeric>

namespace warifu {

HashHeadImpl::HashHeadImpl(std::int64_t width, std::span<const std::uint32_t> bits) {
  const auto total = std::reduce(bits.begin(), bits.end(), std::int64_t{0});
  TORCH_CHECK(total > 0, "a hash head without bits");
  linear_ = register_module("linear", torch::nn::Linear(width, total));
}

std::vector<torch::Tensor> split_by_bits(const torch::Tensor& values, std::span<const std::uint32_t> bits) {
  std::vector<torch::Tensor> parts;
  std::int64_t begin = 0;
  for (const std::uint32_t length : bits) {
    parts.push_back(values.narrow(1, begin, length));
    begin += length;
  }
  TORCH_CHECK(begin == values.size(1), "bits add up to ", begin, ", values have ", values.size(1), " columns");
  return parts;
}

}  // namespace warifu
