#include "nn/global_response_norm.h"

#include <gtest/gtest.h>

#include "nn/gradient_check.h"

namespace warifu {
namespace {

GlobalResponseNorm with(const torch::Tensor& gamma, const torch::Tensor& beta) {
  GlobalResponseNorm norm(gamma.size(0));
  const torch::NoGradGuard no_grad;
  norm->to(gamma.scalar_type());
  norm->named_parameters()["gamma"].copy_(gamma);
  norm->named_parameters()["beta"].copy_(beta);
  return norm;
}

TEST(GlobalResponseNorm, IsTheIdentityAtTheStart) {
  const auto rows = torch::randn({3, 4});
  EXPECT_TRUE(torch::equal(GlobalResponseNorm(4)->forward(rows), rows));
}

TEST(GlobalResponseNorm, ScalesAndShiftsEachColumn) {
  // |(3, 4)| = 5, N = 5 / (5 + 1e-6): 0.5 * 3 + 1 + 3 and -1 * 4 + 0 + 4
  auto norm = with(torch::tensor({0.5F, -1.0F}), torch::tensor({1.0F, 0.0F}));
  const auto out = norm->forward(torch::tensor({{3.0F, 4.0F}}));
  EXPECT_TRUE(torch::allclose(out, torch::tensor({{5.5F, 0.0F}}), 0, 5e-6)) << out;
}

TEST(GlobalResponseNorm, LeavesTinyRowsUnscaled) {
  // |x| = 1e-6: N = 1/2
  auto norm = with(torch::ones({1}, torch::kFloat64), torch::zeros({1}, torch::kFloat64));
  EXPECT_NEAR(norm->forward(torch::full({1, 1}, 1e-6, torch::kFloat64)).item<double>(), 1.5e-6, 1e-12);
}

TEST(GlobalResponseNorm, HasAFiniteGradientAtZero) {
  auto norm = with(torch::ones({3}), torch::ones({3}));
  const auto rows = torch::zeros({2, 3}).set_requires_grad(true);
  norm->forward(rows).sum().backward();
  EXPECT_TRUE(torch::equal(rows.grad(), torch::ones({2, 3})));
}

TEST(GlobalResponseNorm, HasTheGradientOfFiniteDifferences) {
  auto norm = with(torch::tensor({0.3, -2.0, 1.0}, torch::kFloat64), torch::ones({3}, torch::kFloat64));
  torch::manual_seed(1);
  EXPECT_LT(gradient_gap([&](const auto& rows) { return norm->forward(rows).pow(2).sum(); }, torch::randn({2, 3})),
            1e-6);
}

}  // namespace
}  // namespace warifu
