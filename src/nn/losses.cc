#include "nn/losses.h"

namespace warifu {

torch::Tensor softened_targets(const torch::Tensor& same, const torch::Tensor& similarity, double share,
                               double temperature, const torch::Tensor& left_out) {
  TORCH_CHECK(temperature > 0 && share >= 0 && share <= 1, "share ", share, ", temperature ", temperature);
  const torch::NoGradGuard no_grad;
  auto hard = same.to(similarity.dtype());
  hard = hard / hard.sum(1, /*keepdim=*/true);
  if (share == 0) return hard;
  auto scores = similarity / temperature;
  if (left_out.defined()) scores = scores.masked_fill(left_out, -std::numeric_limits<float>::infinity());
  return (1 - share) * hard + share * torch::softmax(scores, 1);
}

torch::Tensor quantization_loss(const torch::Tensor& relaxed) {
  const auto signs = relaxed.detach().ge(0).to(relaxed.dtype()) * 2 - 1;
  return (relaxed - signs).pow(2).mean();
}

torch::Tensor uniformity_loss(const torch::Tensor& unit_rows) {
  const std::int64_t rows = unit_rows.size(0);
  if (rows < 2) return unit_rows.sum() * 0;
  return torch::pdist(unit_rows, 2).pow(2).mul(-2).exp().mean().log();
}

torch::Tensor unit_rows(const torch::Tensor& rows) {
  return rows / rows.pow(2).sum(1, /*keepdim=*/true).clamp_min(1e-12).sqrt();
}

}  // namespace warifu
