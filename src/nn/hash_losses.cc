#include "nn/hash_losses.h"

#include <cstdint>
#include <numbers>

#include "nn/losses.h"

namespace warifu {
namespace {

void check_pairs(const torch::Tensor& left, const torch::Tensor& right, const torch::Tensor& of_pairs) {
  TORCH_CHECK(left.dim() == 2 && right.dim() == 2 && left.size(1) == right.size(1), "rows ", left.sizes(), " and ",
              right.sizes());
  TORCH_CHECK(of_pairs.dim() == 2 && of_pairs.size(0) == left.size(0) && of_pairs.size(1) == right.size(0), "pairs ",
              of_pairs.sizes(), " of rows ", left.sizes(), " and ", right.sizes());
}

torch::Tensor cosines(const torch::Tensor& left, const torch::Tensor& right) {
  return unit_rows(left).mm(unit_rows(right).t());
}

}  // namespace

torch::Tensor pairwise_likelihood_loss(const torch::Tensor& codes, const torch::Tensor& relaxed,
                                       const torch::Tensor& similarity) {
  check_pairs(codes, relaxed, similarity);
  const auto s = 0.5 * codes.mm(relaxed.t()).clamp(-64, 64);
  return (torch::softplus(s) - similarity * s).mean();
}

torch::Tensor code_quantization_loss(const torch::Tensor& relaxed, const torch::Tensor& codes) {
  TORCH_CHECK(relaxed.sizes() == codes.sizes(), "relaxed ", relaxed.sizes(), " and codes ", codes.sizes());
  return (relaxed - codes.detach()).pow(2).mean();
}

torch::Tensor bit_balance_loss(const torch::Tensor& relaxed) { return relaxed.mean(0).pow(2).mean(); }

torch::Tensor bit_decorrelation_loss(const torch::Tensor& relaxed) {
  const auto moments = relaxed.t().mm(relaxed) / static_cast<double>(relaxed.size(0));
  return (moments - torch::eye(relaxed.size(1), relaxed.options())).pow(2).mean();
}

torch::Tensor rectified_cosine_loss(const torch::Tensor& outputs, const torch::Tensor& buffer,
                                    const torch::Tensor& similarity) {
  check_pairs(outputs, buffer, similarity);
  return (torch::relu(cosines(outputs, buffer)) - similarity).pow(2).mean();
}

torch::Tensor cosine_regression_loss(const torch::Tensor& relaxed, const torch::Tensor& affinity) {
  check_pairs(relaxed, relaxed, affinity);
  return (cosines(relaxed, relaxed) - affinity).pow(2).mean();
}

torch::Tensor contrastive_pair_loss(const torch::Tensor& left, const torch::Tensor& right, const torch::Tensor& similar,
                                    double margin) {
  check_pairs(left, right, similar);
  TORCH_CHECK(margin > 0, "margin ", margin);
  // Differences, not |a|^2 + |b|^2 - 2ab: that loses the digits of small distances.
  constexpr std::int64_t kByDifferences = 2;
  const auto distance = torch::cdist(left, right, 2.0, kByDifferences);
  const auto costs = similar * distance.pow(2) + (1 - similar) * torch::relu(margin - distance).pow(2);
  return costs.sum() / (2.0 * static_cast<double>(left.size(0)));
}

torch::Tensor affinity_temperature(const torch::Tensor& a, const torch::Tensor& b, double temperature) {
  TORCH_CHECK(a.dim() == 2 && a.sizes() == b.sizes() && temperature > 0, "features ", a.sizes(), " and ", b.sizes(),
              ", temperature ", temperature);
  const torch::NoGradGuard no_grad;
  const auto log_a = torch::log_softmax(a, 1);
  const auto log_b = torch::log_softmax(b, 1);
  const auto log_mean = torch::logaddexp(log_a, log_b) - std::numbers::ln2;
  const auto divergence = (log_mean.exp() * (log_mean - (log_a + log_b) / 2)).sum(1).mean();
  return temperature / (1 + divergence.clamp_min(0));
}

}  // namespace warifu
