#include "methods/dlch/old_sums.h"

#include "nn/losses.h"

namespace warifu {

OldSums OldSums::none(std::int64_t bits) {
  return {torch::zeros({bits, bits}, torch::kFloat64), torch::zeros({0, bits}, torch::kFloat64),
          torch::zeros({0, 0}, torch::kFloat64)};
}

void OldSums::widen(std::int64_t classes) {
  const std::int64_t before = labels.size(0);
  TORCH_CHECK(classes >= before, "sums of ", before, " label values cannot shrink to ", classes);
  auto wider_cross = torch::zeros({classes, codes.size(0)}, torch::kFloat64);
  wider_cross.narrow(0, 0, before).copy_(cross);
  auto wider_labels = torch::zeros({classes, classes}, torch::kFloat64);
  wider_labels.narrow(0, 0, before).narrow(1, 0, before).copy_(labels);
  cross = wider_cross;
  labels = wider_labels;
}

void OldSums::add(const torch::Tensor& codes_of_items, const torch::Tensor& labels_of_items) {
  TORCH_CHECK(codes_of_items.dim() == 2 && codes_of_items.size(1) == codes.size(0) && labels_of_items.dim() == 2 &&
                  labels_of_items.size(1) == labels.size(0) && labels_of_items.size(0) == codes_of_items.size(0),
              "codes ", codes_of_items.sizes(), " and labels ", labels_of_items.sizes());
  const auto b = codes_of_items.to(torch::kFloat64);
  const auto l = unit_rows(labels_of_items.to(torch::kFloat64));
  codes = codes + b.t().mm(b);
  cross = cross + l.t().mm(b);
  labels = labels + l.t().mm(l);
}

torch::Tensor old_codes_loss(const torch::Tensor& outputs, const torch::Tensor& labels, const OldSums& sums) {
  const auto bits = static_cast<double>(outputs.size(1));
  TORCH_CHECK(outputs.size(1) == sums.codes.size(0) && labels.size(1) == sums.labels.size(0), "outputs ",
              outputs.sizes(), ", labels ", labels.sizes(), ", sums of ", sums.labels.size(0), " label values");
  const auto f = outputs.to(torch::kFloat64);
  const auto l = unit_rows(labels.to(torch::kFloat64));
  return bits * bits * (l.t().mm(l) * sums.labels).sum() - 2 * bits * (f * l.mm(sums.cross)).sum() +
         (f.mm(sums.codes) * f).sum();
}

torch::Tensor old_codes_optimum(const torch::Tensor& labels, const OldSums& sums) {
  const auto l = unit_rows(labels.to(torch::kFloat64));
  const auto target = static_cast<double>(sums.codes.size(0)) * l.mm(sums.cross);
  return at::linalg_solve(sums.codes, target.t()).t();
}

}  // namespace warifu
