#include "nn/contrastive_losses.h"

#include <cmath>
#include <limits>

namespace warifu {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// The columns that count, each either way.
struct Roles {
  torch::Tensor positive;
  torch::Tensor negative;
};

Roles roles_of(const torch::Tensor& matrix, const ContrastColumns& columns) {
  TORCH_CHECK(matrix.dim() == 2 && columns.positive.sizes() == matrix.sizes(), "similarities ", matrix.sizes(),
              " with positives ", columns.positive.sizes());
  Roles roles{columns.positive, columns.positive.logical_not()};
  if (columns.left_out.defined()) {
    TORCH_CHECK(columns.left_out.sizes() == matrix.sizes(), "similarities ", matrix.sizes(), " with left out ",
                columns.left_out.sizes());
    const auto kept = columns.left_out.logical_not();
    roles = {roles.positive.logical_and(kept), roles.negative.logical_and(kept)};
  }
  TORCH_CHECK(roles.positive.any(1).all().item<bool>(), "a row without a positive");
  return roles;
}

torch::Tensor with_weights(const torch::Tensor& logits, const torch::Tensor& log_weight) {
  if (!log_weight.defined()) return logits;
  TORCH_CHECK(log_weight.dim() == 1 && log_weight.size(0) == logits.size(1), "log weights ", log_weight.sizes(),
              " for logits ", logits.sizes());
  return logits + log_weight.detach();
}

// Logits with weights, -inf where a column is left out.
torch::Tensor effective_logits(const torch::Tensor& logits, const torch::Tensor& left_out,
                               const torch::Tensor& log_weight) {
  const auto weighted = with_weights(logits, log_weight);
  return left_out.defined() ? weighted.masked_fill(left_out, kMinusInfinity) : weighted;
}

// log of the sum of exp over the columns in `in`: [rows]; -inf, without gradient, for a row with none.
torch::Tensor log_sum_exp(const torch::Tensor& logits, const torch::Tensor& in) {
  const auto none = in.any(1).logical_not();
  // A row of nothing but -inf has no number for a gradient.
  const auto inside = logits.masked_fill(in.logical_not(), kMinusInfinity).masked_fill(none.unsqueeze(1), 0);
  return torch::logsumexp(inside, 1).masked_fill(none, kMinusInfinity);
}

// Softmax over the columns in `in`, 0 elsewhere and in rows with none. No gradient.
torch::Tensor shares_within(const torch::Tensor& logits, const torch::Tensor& in) {
  const torch::NoGradGuard no_grad;
  const auto none = in.any(1, /*keepdim=*/true).logical_not();
  const auto inside = logits.masked_fill(in.logical_not(), kMinusInfinity).masked_fill(none, 0);
  return torch::softmax(inside, 1).masked_fill(in.logical_not(), 0);
}

// log p of each column, p the softmax over the row; -inf where left out.
torch::Tensor log_probabilities(const torch::Tensor& logits, const ContrastColumns& columns) {
  return torch::log_softmax(effective_logits(logits, columns.left_out, columns.log_weight), 1);
}

// log(1 - p) of each column.
torch::Tensor log_complements(const torch::Tensor& logits, const ContrastColumns& columns) {
  const auto effective = effective_logits(logits, columns.left_out, columns.log_weight);
  // 1 - p of the likeliest column, which may round to 0, is what the others sum to. The others are at
  // most 1/2, where 1 - p is exact enough.
  const auto likeliest =
      torch::zeros_like(effective, torch::kBool).scatter_(1, effective.argmax(1, /*keepdim=*/true), true);
  const auto of_likeliest = log_sum_exp(effective, likeliest.logical_not()) - torch::logsumexp(effective, 1);
  const auto of_others = torch::log1p(-torch::log_softmax(effective, 1).masked_fill(likeliest, kMinusInfinity).exp());
  return torch::where(likeliest, of_likeliest.unsqueeze(1), of_others);
}

torch::Tensor sum_over(const torch::Tensor& in, const torch::Tensor& values) {
  return values.masked_fill(in.logical_not(), 0).sum(1);
}

}  // namespace

torch::Tensor info_nce(const torch::Tensor& logits, const torch::Tensor& targets, const torch::Tensor& left_out,
                       const torch::Tensor& log_weight) {
  TORCH_CHECK(logits.sizes() == targets.sizes(), "logits ", logits.sizes(), " and targets ", targets.sizes());
  // 0 * -inf is no number: columns left out by -inf must not meet their zero target.
  const auto log_p = torch::log_softmax(effective_logits(logits, left_out, log_weight), 1).masked_fill(targets == 0, 0);
  return -(targets * log_p).sum(1);
}

torch::Tensor siglip(const torch::Tensor& similarity, const torch::Tensor& scale, const torch::Tensor& bias,
                     const ContrastColumns& columns, std::int64_t batch) {
  TORCH_CHECK(batch >= 1, "batch ", batch);
  const auto [positive, negative] = roles_of(similarity, columns);
  const auto weights = with_weights(torch::zeros_like(similarity), columns.log_weight);
  // -inf of a column left out would give the scale a gradient of 0 * inf.
  const auto seen = columns.left_out.defined() ? similarity.masked_fill(columns.left_out, 0) : similarity;
  const auto logits = scale * seen + bias;
  const auto pull = -(shares_within(weights, positive) * torch::log_sigmoid(logits)).sum(1);
  const auto push = -(shares_within(weights, negative) * torch::log_sigmoid(-logits)).sum(1);
  return pull + static_cast<double>(batch - 1) * push;
}

torch::Tensor rince(const torch::Tensor& logits, const ContrastColumns& columns, double q, double lambda,
                    double log_scale) {
  TORCH_CHECK(q > 0 && q <= 1 && lambda > 0, "q ", q, ", lambda ", lambda);
  const auto [positive, negative] = roles_of(logits, columns);
  const auto effective = effective_logits(logits, columns.left_out, columns.log_weight);
  const auto all = std::log(lambda) + torch::logsumexp(effective, 1, /*keepdim=*/true);
  const auto own = effective.masked_fill(positive.logical_not(), 0);
  // (e^{q all} - e^{q own}) / q  as the larger power times expm1 of minus the gap: no cancellation for
  // small q, no overflow for large gaps.
  const auto gap = all - own;
  const auto above = (q * (all - log_scale)).exp() * -torch::expm1(-q * gap.clamp_min(0));
  const auto below = (q * (own - log_scale)).exp() * torch::expm1(q * gap.clamp_max(0));
  return sum_over(positive, torch::where(gap >= 0, above, below)) / (q * positive.sum(1));
}

torch::Tensor complementary_log(const torch::Tensor& logits, const ContrastColumns& columns) {
  return sum_over(roles_of(logits, columns).negative, -log_complements(logits, columns));
}

torch::Tensor complementary_gce(const torch::Tensor& logits, const ContrastColumns& columns, double q) {
  TORCH_CHECK(q > 0 && q <= 1, "q ", q);
  return sum_over(roles_of(logits, columns).negative, -torch::expm1(q * log_complements(logits, columns))) / q;
}

torch::Tensor complementary_tan(const torch::Tensor& logits, const ContrastColumns& columns) {
  return sum_over(roles_of(logits, columns).negative, log_probabilities(logits, columns).exp().tan());
}

torch::Tensor complementary_exp(const torch::Tensor& logits, const ContrastColumns& columns) {
  return sum_over(roles_of(logits, columns).negative, (log_probabilities(logits, columns).exp() - 1).exp());
}

torch::Tensor complementary_mae(const torch::Tensor& logits, const ContrastColumns& columns) {
  return sum_over(roles_of(logits, columns).negative, log_probabilities(logits, columns).exp());
}

torch::Tensor triplet_alignment_loss(const torch::Tensor& similarity, const ContrastColumns& columns,
                                     double temperature, double margin) {
  TORCH_CHECK(temperature > 0, "temperature ", temperature);
  const auto [positive, negative] = roles_of(similarity, columns);
  const auto logits = effective_logits(similarity / temperature, columns.left_out, columns.log_weight);
  const auto partner = sum_over(positive, shares_within(logits, positive) * similarity);
  return torch::relu(margin - partner + temperature * log_sum_exp(logits, negative));
}

torch::Tensor in_modal_consistency(const torch::Tensor& image_image, const torch::Tensor& text_text) {
  TORCH_CHECK(
      image_image.dim() == 2 && image_image.size(0) == image_image.size(1) && image_image.sizes() == text_text.sizes(),
      "cosines ", image_image.sizes(), " and ", text_text.sizes());
  return (image_image - text_text).pow(2).sum(1);
}

torch::Tensor cross_modal_consistency(const torch::Tensor& image_text) {
  TORCH_CHECK(image_text.dim() == 2 && image_text.size(0) == image_text.size(1), "cosines ", image_text.sizes());
  return (image_text - image_text.t()).pow(2).sum(1);
}

}  // namespace warifu
