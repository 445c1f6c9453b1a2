#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace warifu {

// GRN(x) = gamma * (x N) + beta + x with N = |x| / (mean of |x| + 1e-6); gamma and beta start at 0,
// which makes it the identity.
//
// In the paper |x| is one channel's over all places and the mean is over channels. As PromptHash uses
// it, |x| is a whole row's and the mean is over that one number: N is 1 but for rows close to 0, and
// GRN(x) is about (1 + gamma) x + beta. A row's outcome does not depend on the other rows.
//
// Sources: S. Woo et al., "ConvNeXt V2", CVPR 2023; PromptHash, CVPR 2025, for the axis.
class GlobalResponseNormImpl : public torch::nn::Module {
 public:
  explicit GlobalResponseNormImpl(std::int64_t width);
  torch::Tensor forward(const torch::Tensor& rows);  // [..., width] -> the same shape

 private:
  torch::Tensor gamma_, beta_;  // [width]
};
TORCH_MODULE(GlobalResponseNorm);

}  // namespace warifu
