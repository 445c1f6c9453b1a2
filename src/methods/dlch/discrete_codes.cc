#include "methods/dlch/discrete_codes.h"

#include "nn/losses.h"

namespace warifu {

torch::Tensor discrete_codes(const torch::Tensor& codes, const torch::Tensor& outputs,
                             const torch::Tensor& sample_labels, const torch::Tensor& labels,
                             const torch::Tensor& own_outputs, double weight) {
  const std::int64_t bits = codes.size(1);
  TORCH_CHECK(outputs.size(1) == bits && own_outputs.sizes() == codes.sizes() && labels.size(0) == codes.size(0) &&
                  sample_labels.size(0) == outputs.size(0) && labels.size(1) == sample_labels.size(1),
              "codes ", codes.sizes(), ", outputs ", outputs.sizes(), ", labels ", labels.sizes());
  const torch::NoGradGuard no_grad;
  const auto u = outputs.to(torch::kFloat64);
  auto b = codes.to(torch::kFloat64).clone();
  const auto gram = u.t().mm(u);
  const auto wanted =
      static_cast<double>(bits) *
          unit_rows(labels.to(torch::kFloat64)).mm(unit_rows(sample_labels.to(torch::kFloat64)).t().mm(u)) +
      weight * own_outputs.to(torch::kFloat64);
  for (std::int64_t k = 0; k < bits; ++k) {
    const auto column = b.select(1, k);
    const auto pull = wanted.select(1, k) - b.mv(gram.select(1, k)) + column * gram[k][k];
    b.select(1, k).copy_(torch::where(pull.eq(0), column, pull.sign()));
  }
  return b.to(torch::kFloat32);
}

}  // namespace warifu
