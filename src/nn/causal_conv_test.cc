#include "nn/causal_conv.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/parallel.h"
#include "nn/selective_scan_kernels.h"

namespace warifu {
namespace {

// libtorch's own, in double precision.
torch::Tensor plain_conv(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  const auto padded = torch::constant_pad_nd(x.transpose(1, 2), {weight.size(2) - 1, 0});
  const auto options = torch::nn::functional::Conv1dFuncOptions().bias(bias).groups(x.size(2));
  return torch::silu(torch::nn::functional::conv1d(padded, weight, options)).transpose(1, 2);
}

std::vector<torch::Tensor> leaves(const std::vector<torch::Tensor>& tensors, torch::ScalarType type) {
  std::vector<torch::Tensor> copies;
  for (const auto& tensor : tensors)
    copies.push_back(tensor.defined() ? tensor.detach().to(type).clone().set_requires_grad(true) : tensor);
  return copies;
}

TEST(CausalConv, SeesThePresentAndThePastOnly) {
  // silu is near x for large x: 100 * (weights 1, 2, 4 of two steps ago, one step ago, now)
  const auto x = torch::tensor({100.0F, 0.0F, 0.0F, 200.0F}).view({1, 4, 1});
  const auto weight = torch::tensor({1.0F, 2.0F, 4.0F}).view({1, 1, 3});
  EXPECT_TRUE(
      torch::allclose(causal_conv_silu(x, weight, {}).flatten(), torch::tensor({400.0F, 200.0F, 100.0F, 800.0F})));
}

TEST(CausalConv, AgreesWithLibtorchInEveryGradientAndShape) {
  torch::manual_seed(1);
  struct Shape {
    std::int64_t batch, length, channels, taps;
  };
  for (const ScanKernels& kernels : scan_kernels()) {
    if (!kernels.runs_here()) continue;
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 2, 5, 4}, Shape{3, 19, 130, 4}, Shape{2, 33, 300, 3}}) {
      for (const bool with_bias : {true, false}) {
        const std::vector<torch::Tensor> tensors = {torch::randn({shape.batch, shape.length, shape.channels}),
                                                    torch::randn({shape.channels, 1, shape.taps}),
                                                    with_bias ? torch::randn({shape.channels}) : torch::Tensor()};
        const auto y_gradient = torch::randn_like(tensors[0]);
        const auto exact = leaves(tensors, torch::kFloat64), found = leaves(tensors, torch::kFloat32);
        const auto expected_y = plain_conv(exact[0], exact[1], exact[2]);
        expected_y.backward(y_gradient.to(torch::kFloat64));
        const auto y = causal_conv_silu(found[0], found[1], found[2], kernels);
        y.backward(y_gradient);
        EXPECT_TRUE(torch::allclose(y.to(torch::kFloat64), expected_y, 1e-5, 1e-5)) << kernels.name;
        for (std::size_t i = 0; i < 3; ++i) {
          if (!exact[i].defined()) continue;
          EXPECT_TRUE(torch::allclose(found[i].grad().to(torch::kFloat64), exact[i].grad(), 1e-5, 1e-5))
              << kernels.name << " input " << i;
        }
      }
    }
  }
}

TEST(CausalConv, GivesTheSameBitsWhateverTheThreadsAndTheBatch) {
  torch::manual_seed(1);
  const std::vector<torch::Tensor> tensors = {torch::randn({7, 400, 200}), torch::randn({200, 1, 4}),
                                              torch::randn({200})};
  const auto results = [&](const torch::Tensor& x) {
    const auto inputs = leaves({x, tensors[1], tensors[2]}, torch::kFloat32);
    const auto y = causal_conv_silu(inputs[0], inputs[1], inputs[2]);
    y.backward(torch::ones_like(y));
    return std::vector{y.detach(), inputs[0].grad(), inputs[1].grad(), inputs[2].grad()};
  };
  set_thread_count(1);
  const auto one = results(tensors[0]);
  set_thread_count(3);
  const auto three = results(tensors[0]);
  set_thread_count(0);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(torch::equal(one[i], three[i])) << "result " << i;
  const auto alone = results(tensors[0].narrow(0, 4, 1));
  for (const std::size_t i : {0U, 1U}) EXPECT_TRUE(torch::equal(alone[i], one[i].narrow(0, 4, 1))) << "result " << i;
}

TEST(CausalConv, OfNothingIsNothingAndWrongShapesAreRefused) {
  const auto weight = torch::zeros({5, 1, 4});
  EXPECT_EQ(causal_conv_silu(torch::zeros({0, 3, 5}), weight, {}).size(0), 0);
  EXPECT_EQ(causal_conv_silu(torch::zeros({2, 0, 5}), weight, {}).size(1), 0);
  EXPECT_THROW(causal_conv_silu(torch::zeros({2, 3, 6}), weight, {}), c10::Error);
  EXPECT_THROW(causal_conv_silu(torch::zeros({2, 3, 5}), weight, torch::zeros({4})), c10::Error);
  EXPECT_THROW(causal_conv_silu(torch::zeros({2, 3, 5}, torch::kFloat64), weight, {}), c10::Error);
}

}  // namespace
}  // namespace warifu
