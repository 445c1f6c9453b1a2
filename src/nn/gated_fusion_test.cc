#include "nn/gated_fusion.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace warifu {
namespace {

GatedFusion small_fusion(bool ssm = true) {
  torch::manual_seed(5);
  GatedFusion fusion(GatedFusionOptions{.width = 16, .heads = 4, .dropout = 0.1, .ssm = ssm});
  fusion->eval();
  return fusion;
}

TEST(GatedFusion, OfAnItemDoesNotDependOnOthers) {
  const torch::NoGradGuard no_grad;
  auto fusion = small_fusion();
  const auto tokens = torch::randn({6, 5, 16});
  const auto together = fusion(tokens);
  EXPECT_EQ(together.sizes(), tokens.sizes());
  EXPECT_TRUE(torch::allclose(fusion(tokens.narrow(0, 2, 1)), together.narrow(0, 2, 1), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(fusion(tokens.flip(0)), together.flip(0), 1e-5, 1e-6));
}

// Parameters that start as the identity or as nothing are drawn, so that none of them can be left out unseen.
void draw_parameters(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) parameter.add_(0.2 * torch::randn_like(parameter));
}

template <typename Module>
void copy_parameters(const torch::OrderedDict<std::string, torch::Tensor>& from, const std::string& prefix,
                     Module& to) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : to->named_parameters()) parameter.value().copy_(from[prefix + parameter.key()]);
}

TEST(GatedFusion, EqualsItsEquations) {
  const torch::NoGradGuard no_grad;
  auto fusion = small_fusion();
  draw_parameters(*fusion);
  const auto of = fusion->named_parameters();
  MambaBlock mamba(MambaBlockOptions{.d_model = 16});
  copy_parameters(of, "mamba.", mamba);
  TransformerBlock transformer(TransformerBlockOptions{
      .width = 16, .heads = 4, .activation = Activation::kRelu, .hidden = 32, .norm_first = false});
  copy_parameters(of, "transformer.", transformer);
  const auto linear = [&](const char* name, const torch::Tensor& x) {
    return x.matmul(of[std::string(name) + ".weight"].t()) + of[std::string(name) + ".bias"];
  };
  const auto grn = [&](const char* name, const torch::Tensor& x) {
    return (1 + of[std::string(name) + ".gamma"]) * x + of[std::string(name) + ".beta"];  // as its norm is about 1
  };
  const auto silu = [](const torch::Tensor& x) { return x * torch::sigmoid(x); };

  const auto z = torch::randn({1, 5, 16});
  const auto x1 = silu(grn("norm_in", linear("in", z)));
  const auto o = of["scan_scale"] * (mamba(x1) + mamba(x1.flip(1)).flip(1));
  double cosine = 0;
  for (std::int64_t t = 0; t < 5; ++t)
    cosine += ((o[0][t] * x1[0][t]).sum() / (o[0][t].norm() * x1[0][t].norm())).item<double>() / 5;
  const double w = 1 / (1 + std::exp(-cosine));
  const auto m = silu(grn("norm_gated", linear("gated", of["gate_scale"] * w * o + (1 - w) * x1)));
  const auto sum = (linear("out", grn("norm_out", m)) + linear("shortcut", z)) / 2;
  const auto out = transformer(grn("norm_sum", sum));
  const auto expected = out / out.norm(2, -1, true) * 4;
  EXPECT_TRUE(torch::allclose(fusion(z), expected, 1e-4, 1e-4)) << (fusion(z) - expected).abs().max();
}

TEST(GatedFusion, MixesTheTokensOfAnItem) {
  const torch::NoGradGuard no_grad;
  auto fusion = small_fusion();
  auto tokens = torch::randn({1, 5, 16});
  const auto before = fusion(tokens);
  tokens.select(1, 4).add_(1);
  EXPECT_GT((fusion(tokens) - before).select(1, 0).abs().max().item<double>(), 1e-3);  // the first feels the last
}

TEST(GatedFusion, GivesTokensOfOneLength) {
  const torch::NoGradGuard no_grad;
  const auto lengths = small_fusion()(torch::randn({3, 5, 16})).norm(2, -1);
  EXPECT_TRUE(torch::allclose(lengths, torch::full_like(lengths, 4), 1e-4, 1e-4));
}

TEST(GatedFusion, WithoutTheStateSpaceModelHasNoneOfItsParameters) {
  auto with = small_fusion();
  auto without = small_fusion(false);
  EXPECT_EQ(with->parameters().size() - without->parameters().size(), 9U + 2U);  // the block's, tau and g
  EXPECT_EQ(without(torch::randn({2, 5, 16})).sizes(), (std::vector<std::int64_t>{2, 5, 16}));
}

TEST(GatedFusion, TeachesEveryParameter) {
  auto fusion = small_fusion();
  fusion(torch::randn({4, 5, 16})).pow(3).sum().backward();
  for (const auto& parameter : fusion->named_parameters()) {
    ASSERT_TRUE(parameter.value().grad().defined()) << parameter.key();
    EXPECT_TRUE(torch::isfinite(parameter.value().grad()).all().item<bool>()) << parameter.key();
    EXPECT_GT(parameter.value().grad().abs().max().item<double>(), 0) << parameter.key();
  }
}

// What is wrong with the released form, and why it is for comparison only.
TEST(BatchFusion, OfAPairDependsOnTheRestOfTheBatchAndOnItsOrder) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(6);
  BatchFusion fusion(GatedFusionOptions{.width = 16});
  fusion->eval();
  const auto a = torch::randn({6, 16});
  const auto b = torch::randn({6, 16});
  const auto [first, second] = fusion->forward(a, b);
  EXPECT_EQ(first.sizes(), a.sizes());
  EXPECT_EQ(second.sizes(), b.sizes());
  const auto alone = fusion->forward(a.narrow(0, 0, 1), b.narrow(0, 0, 1)).first;
  EXPECT_GT((alone - first.narrow(0, 0, 1)).abs().max().item<double>(), 1e-2);
  const auto turned = fusion->forward(a.flip(0), b.flip(0)).first;
  EXPECT_GT((turned.flip(0) - first).abs().max().item<double>(), 1e-3);
}

}  // namespace
}  // namespace warifu
