#include "nn/selective_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/rng.h"
#include "nn/selective_scan_cases.h"
#include "nn/selective_scan_kernels.h"

namespace warifu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What a step of the definition says, in double precision, one time after the other; torch
// differentiates it.
torch::Tensor plain_scan(const SelectiveScanInputs& inputs) {
  auto step = inputs.delta_bias.defined() ? inputs.delta + inputs.delta_bias : inputs.delta;
  if (inputs.delta_softplus) step = torch::log1p(torch::exp(step));
  auto h = torch::zeros({inputs.u.size(0), inputs.u.size(2), inputs.A.size(1)}, inputs.u.options());
  std::vector<torch::Tensor> y;
  for (std::int64_t t = 0; t < inputs.u.size(1); ++t) {
    const auto step_t = step.select(1, t).unsqueeze(2);  // [batch, channels, 1]
    h = torch::exp(step_t * inputs.A) * h +
        step_t * inputs.B.select(1, t).unsqueeze(1) * inputs.u.select(1, t).unsqueeze(2);
    y.push_back((inputs.C.select(1, t).unsqueeze(1) * h).sum(2));
  }
  auto result = torch::stack(y, 1);
  if (inputs.D.defined()) result = result + inputs.D * inputs.u;
  return inputs.z.defined() ? result * inputs.z * torch::sigmoid(inputs.z) : result;
}

std::vector<torch::Tensor> all_results(const SelectiveScanInputs& inputs, const torch::Tensor& y_gradient,
                                       const ScanKernels& kernels = chosen_scan_kernels()) {
  return all_results(inputs, y_gradient,
                     [&](const SelectiveScanInputs& given) { return selective_scan(given, kernels); });
}

class SelectiveScan : public testing::Test {
 protected:
  SelectiveScan() { torch::manual_seed(1); }
  ~SelectiveScan() override { set_thread_count(0); }
};

TEST_F(SelectiveScan, IsAFadingSumOfItsInputs) {
  // One channel, one state, steps of 1 that halve the state: h = 1, 2.5, 4.25.
  SelectiveScanInputs inputs;
  inputs.u = torch::tensor({1.0F, 2.0F, 3.0F}).view({1, 3, 1});
  inputs.delta = torch::ones({1, 3, 1});
  inputs.A = torch::full({1, 1}, std::log(0.5F));
  inputs.B = torch::ones({1, 3, 1});
  inputs.C = torch::tensor({1.0F, 10.0F, 100.0F}).view({1, 3, 1});
  EXPECT_TRUE(torch::allclose(selective_scan(inputs).flatten(), torch::tensor({1.0F, 25.0F, 425.0F})));
  inputs.D = torch::full({1}, -1.0F);
  EXPECT_TRUE(torch::allclose(selective_scan(inputs).flatten(), torch::tensor({0.0F, 23.0F, 422.0F})));
}

TEST_F(SelectiveScan, AgreesWithThePlainLoopInEveryGradientAndShape) {
  const std::vector<ScanShape> shapes = {{1, 1, 1, 1},     {2, 1, 3, 16},  {3, 5, 17, 1},
                                         {2, 16, 16, 5},   {2, 17, 40, 4}, {1, 33, 129, 16},
                                         {2, 50, 130, 16}, {1, 200, 7, 3}, {4, 31, 256, 16}};
  for (const ScanKernels& kernels : scan_kernels()) {
    if (!kernels.runs_here()) continue;
    for (const ScanShape& shape : shapes) {
      for (const bool everything : {true, false}) {
        const auto inputs = drawn_inputs(shape, everything);
        const auto y_gradient = torch::randn_like(inputs.u);
        auto exact = leaves(inputs, torch::kFloat64);
        const auto y = plain_scan(exact);
        y.backward(y_gradient.to(torch::kFloat64));
        std::vector<torch::Tensor> expected{y.detach()};
        for (const torch::Tensor* tensor : tensors_of(exact)) expected.push_back(tensor->grad());

        const auto found = all_results(inputs, y_gradient, kernels);
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i)
          expect_near(found[i], expected[i], 5e-6,
                      std::string(kernels.name) + " result " + std::to_string(i) + " of shape " +
                          testing::PrintToString(
                              std::vector<std::int64_t>{shape.batch, shape.length, shape.channels, shape.states}));
      }
    }
  }
}

TEST_F(SelectiveScan, HasTheSlopeThatFiniteDifferencesShow) {
  const auto inputs = drawn_inputs({2, 9, 5, 3});
  const auto weights = torch::randn_like(inputs.u);
  const auto loss = [&](const SelectiveScanInputs& at) {
    return (selective_scan(at) * weights).to(torch::kFloat64).sum().item<double>();
  };
  const auto found = all_results(inputs, weights);
  auto moved = inputs;
  const auto tensors = tensors_of(moved);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto base = *tensors[i];
    const auto direction = torch::randn_like(base);
    constexpr double kStep = 5e-3;
    *tensors[i] = base + kStep * direction;
    const double above = loss(moved);
    *tensors[i] = base - kStep * direction;
    const double below = loss(moved);
    *tensors[i] = base;
    const double expected = (found[i + 1] * direction).to(torch::kFloat64).sum().item<double>();
    EXPECT_NEAR((above - below) / (2 * kStep), expected, 2e-3 * (1 + std::abs(expected))) << "input " << i;
  }
}

TEST_F(SelectiveScan, GivesARowTheSameBitsWhateverElseIsInTheBatch) {
  const auto inputs = drawn_inputs({5, 37, 140, 16});
  const auto y_gradient = torch::randn_like(inputs.u);
  const auto together = all_results(inputs, y_gradient);
  for (const std::int64_t row : {0, 3}) {
    auto alone = inputs;
    for (torch::Tensor* tensor : {&alone.u, &alone.delta, &alone.B, &alone.C, &alone.z})
      *tensor = tensor->narrow(0, row, 1);
    const auto results = all_results(alone, y_gradient.narrow(0, row, 1));
    for (const std::size_t i : {0U, 1U, 2U, 4U, 5U, 7U})  // y and the gradients of u, delta, B, C, z
      EXPECT_TRUE(torch::equal(results[i], together[i].narrow(0, row, 1))) << "result " << i;
  }
}

TEST_F(SelectiveScan, GivesTheSameBitsWhateverTheThreads) {
  const auto inputs = drawn_inputs({6, 70, 300, 16});
  const auto y_gradient = torch::randn_like(inputs.u);
  set_thread_count(1);
  const auto one = all_results(inputs, y_gradient);
  for (const std::size_t threads : {2U, 5U}) {
    set_thread_count(threads);
    const auto several = all_results(inputs, y_gradient);
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(torch::equal(one[i], several[i])) << "result " << i;
  }
}

TEST_F(SelectiveScan, GivesTheSameBitsInEverySetWithFusedMultiplyAdd) {
  const auto inputs = drawn_inputs({2, 45, 150, 5});
  const auto y_gradient = torch::randn_like(inputs.u);
  std::vector<std::vector<torch::Tensor>> results;
  for (const ScanKernels& kernels : scan_kernels())
    if (kernels.name != "portable" && kernels.runs_here()) results.push_back(all_results(inputs, y_gradient, kernels));
  if (results.size() < 2) GTEST_SKIP() << "this processor has fewer than two such sets";
  for (std::size_t i = 0; i < results[0].size(); ++i)
    EXPECT_TRUE(torch::equal(results[0][i], results[1][i])) << "result " << i;
}

TEST_F(SelectiveScan, ReadsSlicesOfWiderTensorsInPlaceAndTransposedOnesByCopy) {
  auto inputs = drawn_inputs({2, 20, 24, 16});
  const auto expected = selective_scan(inputs);
  inputs = sliced_and_transposed(inputs);
  EXPECT_TRUE(torch::equal(selective_scan(inputs), expected));
}

TEST_F(SelectiveScan, IsTheSameWithAndWithoutGradients) {
  const auto inputs = leaves(drawn_inputs({2, 40, 24, 16}));
  const auto with = selective_scan(inputs);
  EXPECT_TRUE(with.requires_grad());
  const torch::NoGradGuard no_grad;
  const auto without = selective_scan(inputs);
  EXPECT_FALSE(without.requires_grad());
  EXPECT_TRUE(torch::equal(with, without));
}

TEST_F(SelectiveScan, OfNothingIsNothing) {
  for (const ScanShape& shape : kEmptyScans) {
    const auto inputs = drawn_inputs(shape);
    const auto results = all_results(inputs, torch::ones_like(inputs.u));
    EXPECT_EQ(results[0].sizes(), inputs.u.sizes());
    EXPECT_EQ(results[3].sizes(), inputs.A.sizes());
    EXPECT_EQ(results[4].sizes(), inputs.B.sizes());
    EXPECT_EQ(results[6].abs().sum().item<float>() == 0, inputs.u.numel() == 0);  // D's needs no state
  }
}

TEST_F(SelectiveScan, ForgetsEverythingAtAnEndlessStepAndSpreadsNaNOnlyForwardsInItsChannel) {
  auto inputs = drawn_inputs({1, 40, 20, 16}, /*everything=*/false);
  inputs.delta[0][20][3] = 1e30F;
  inputs.B[0][20] = 0;
  EXPECT_TRUE(selective_scan(inputs).isfinite().all().item<bool>());
  inputs.u[0][10][7] = std::numeric_limits<float>::quiet_NaN();
  const auto nan = selective_scan(inputs).isnan()[0];
  EXPECT_EQ(nan.sum().item<std::int64_t>(), 30);
  EXPECT_TRUE(nan.narrow(0, 10, 30).select(1, 7).all().item<bool>());
}

TEST_F(SelectiveScan, NamesTheTensorThatDoesNotFit) {
  const auto message_of = [](const SelectiveScanInputs& inputs) -> std::string {
    try {
      selective_scan(inputs);
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "";
  };
  const auto good = drawn_inputs({2, 4, 6, 3});
  EXPECT_EQ(message_of(good), "");
  auto bad = good;
  bad.C = torch::zeros({2, 4, 5});
  EXPECT_THAT(message_of(bad), testing::HasSubstr("C is [2, 4, 5], not [2, 4, 3]"));
  bad = good;
  bad.A = torch::zeros({3, 6});
  EXPECT_THAT(message_of(bad), testing::HasSubstr("A is [3, 6], not [6, 3]"));
  bad = good;
  bad.u = good.u[0];
  EXPECT_THAT(message_of(bad), testing::HasSubstr("u must be [batch, length, channels]"));
  bad = good;
  bad.delta = good.delta.to(torch::kFloat64);
  EXPECT_THAT(message_of(bad), testing::HasSubstr("delta is Double, not float32"));
  bad = good;
  bad.delta = torch::Tensor();
  EXPECT_THAT(message_of(bad), testing::HasSubstr("delta is missing"));
  bad = good;
  bad.z = torch::zeros({2, 4, 6}, torch::kMeta);
  EXPECT_THAT(message_of(bad), testing::HasSubstr("z is on meta, not on the CPU"));
  bad = good;
  bad.u = torch::zeros({2, 4, 6}, torch::kMeta);
  EXPECT_THAT(message_of(bad), testing::HasSubstr("u is on meta, not on the CPU"));
}

#ifndef WARIFU_CUDA
TEST_F(SelectiveScan, SaysThatThisBuildHasNoCudaKernel) {
  // A tensor on a device that nobody asks for memory.
  auto on_cuda = torch::Tensor(c10::make_intrusive<c10::TensorImpl>(
      c10::DispatchKeySet(c10::DispatchKey::CUDA), caffe2::TypeMeta::Make<float>(), c10::Device(c10::kCUDA, 0)));
  on_cuda.unsafeGetTensorImpl()->set_sizes_contiguous({2, 4, 6});
  auto inputs = drawn_inputs({2, 4, 6, 3});
  inputs.u = on_cuda;
  try {
    selective_scan(inputs);
    FAIL() << "there is no kernel for it";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what_without_backtrace(),
                testing::HasSubstr("u is on cuda:0, and this build has no CUDA kernel"));
  }
}
#endif

// --- the functions inside ---

// |found - exact| in units of the last place of a float of that size.
double ulps(float found, double exact) {
  const float rounded = static_cast<float>(exact);
  const double ulp = static_cast<double>(std::nextafter(std::abs(rounded), kInfinity)) - std::abs(rounded);
  return std::abs(found - exact) / ulp;
}

class ScanFunctions : public testing::TestWithParam<ScanKernels> {
 protected:
  void SetUp() override {
    if (!GetParam().runs_here()) GTEST_SKIP() << "this processor has no " << GetParam().name;
  }

  std::vector<float> drawn(double low, double high) {
    std::vector<float> values(200'003);
    for (float& value : values) value = static_cast<float>(low + (high - low) * rng.uniform());
    return values;
  }

  Rng rng{1};
};

TEST_P(ScanFunctions, ExpIsWithinTwoUnitsOfTheLastPlace) {
  const auto x = drawn(-87, 88);
  std::vector<float> found(x.size());
  GetParam().exp(x.data(), x.size(), found.data());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) worst = std::max(worst, ulps(found[i], std::exp(double{x[i]})));
  EXPECT_LT(worst, 2);
  RecordProperty("worst_ulps", std::to_string(worst));
}

TEST_P(ScanFunctions, PowerOfTwoOfAProductIsWithinTwoUnitsOfTheLastPlace) {
  const auto x = drawn(0, 10), y = drawn(-12, 12);
  std::vector<float> found(x.size());
  GetParam().exp2_product(x.data(), y.data(), x.size(), found.data());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double product = double{x[i]} * double{y[i]};
    // Without a fused multiply-add the product is a float.
    if (GetParam().name == "portable") product = static_cast<float>(product);
    worst = std::max(worst, ulps(found[i], std::exp2(product)));
  }
  EXPECT_LT(worst, 2);
  RecordProperty("worst_ulps", std::to_string(worst));
}

TEST_P(ScanFunctions, SoftplusIsWithinTwoUnitsOfTheLastPlaceAndItsSlopeWithinTwoAndAHalf) {
  const auto x = drawn(-80, 30);
  std::vector<float> found(x.size()), slope(x.size());
  GetParam().softplus(x.data(), x.size(), found.data(), slope.data());
  double worst = 0, worst_slope = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, ulps(found[i], std::log1p(std::exp(double{x[i]}))));
    worst_slope = std::max(worst_slope, ulps(slope[i], 1 / (1 + std::exp(-double{x[i]}))));
  }
  EXPECT_LT(worst, 2);
  EXPECT_LT(worst_slope, 2.5);
  RecordProperty("worst_ulps", std::to_string(worst) + " " + std::to_string(worst_slope));
}

TEST_P(ScanFunctions, AreExactOrEndlessAtTheEnds) {
  const std::vector<float> x = {0, -0.0F, 1e-30F, -1e-30F, -kInfinity, -1e30F, -200, kInfinity, 1e30F, 200, NAN};
  std::vector<float> found(x.size()), slope(x.size());
  GetParam().exp(x.data(), x.size(), found.data());
  EXPECT_THAT(std::vector(found.begin(), found.begin() + 10),
              testing::ElementsAre(1, 1, 1, 1, 0, 0, 0, kInfinity, kInfinity, kInfinity));
  EXPECT_TRUE(std::isnan(found[10]));
  const std::vector<float> ones(x.size(), 1);
  GetParam().exp2_product(x.data(), ones.data(), x.size(), found.data());
  EXPECT_THAT(std::vector(found.begin(), found.begin() + 10),
              testing::ElementsAre(1, 1, 1, 1, 0, 0, 0, kInfinity, kInfinity, kInfinity));
  EXPECT_TRUE(std::isnan(found[10]));
  GetParam().softplus(x.data(), x.size(), found.data(), slope.data());
  const float log2 = std::log(2.0F);
  EXPECT_THAT(std::vector(found.begin(), found.begin() + 10),
              testing::ElementsAre(log2, log2, log2, log2, 0, 0, 0, kInfinity, 1e30F, 200));
  EXPECT_THAT(std::vector(slope.begin(), slope.begin() + 10), testing::ElementsAre(.5, .5, .5, .5, 0, 0, 0, 1, 1, 1));
  EXPECT_TRUE(std::isnan(found[10]) && std::isnan(slope[10]));
}

INSTANTIATE_TEST_SUITE_P(EverySet, ScanFunctions, testing::ValuesIn(scan_kernels().begin(), scan_kernels().end()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace warifu
