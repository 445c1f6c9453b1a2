#include "nn/selective_scan_cuda.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/selective_scan_cases.h"

namespace warifu {
namespace {

SelectiveScanInputs on_cuda(SelectiveScanInputs inputs) {
  for (torch::Tensor* tensor : tensors_of(inputs)) *tensor = tensor->detach().to(torch::kCUDA);
  return inputs;
}

torch::Tensor scan(const SelectiveScanInputs& inputs) { return selective_scan(inputs); }

void expect_the_device_to_agree(const SelectiveScanInputs& inputs) {
  const auto y_gradient = torch::randn_like(inputs.u);
  const auto found = all_results(on_cuda(inputs), y_gradient.to(torch::kCUDA), scan);
  const auto expected = all_results(inputs, y_gradient, scan);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_TRUE(found[i].is_cuda());
    expect_near(found[i].cpu(), expected[i], 1e-5, "result " + std::to_string(i));
  }
}

class SelectiveScanOnCuda : public testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device here";
    torch::manual_seed(1);
  }
};

TEST_F(SelectiveScanOnCuda, AgreesWithTheCpuInEveryGradientAndShape) {
  for (const std::int64_t length : {0, 1, 17, 197})
    for (const auto& [channels, states] : {std::pair<std::int64_t, std::int64_t>{3, 1}, {65, 5}, {256, 16}, {9, 256}})
      for (const bool everything : {true, false}) {
        SCOPED_TRACE(testing::PrintToString(std::vector<std::int64_t>{3, length, channels, states}));
        expect_the_device_to_agree(drawn_inputs({3, length, channels, states}, everything));
      }
}

TEST_F(SelectiveScanOnCuda, AgreesWithTheCpuWhicheverTensorsAreNotGiven) {
  for (unsigned given = 0; given < 8; ++given) {
    const auto inputs = only_given(drawn_inputs({2, 19, 70, 3}), given);
    SCOPED_TRACE(testing::Message() << "given of D, z and delta_bias, by bits: " << given);
    expect_the_device_to_agree(inputs);
  }
}

TEST_F(SelectiveScanOnCuda, OfNothingIsNothing) {
  for (const ScanShape& shape : kEmptyScans) expect_the_device_to_agree(drawn_inputs(shape));
}

TEST_F(SelectiveScanOnCuda, GivesTheSameBitsEveryTimeAndInAnyBatch) {
  const auto inputs = on_cuda(drawn_inputs({16, 197, 300, 16}));
  const auto y_gradient = torch::randn_like(inputs.u);
  const auto first = all_results(inputs, y_gradient, scan);
  const auto second = all_results(inputs, y_gradient, scan);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(torch::equal(first[i], second[i])) << "result " << i;
  auto alone = inputs;
  for (torch::Tensor* tensor : {&alone.u, &alone.delta, &alone.B, &alone.C, &alone.z})
    *tensor = tensor->narrow(0, 11, 1);
  const auto results = all_results(alone, y_gradient.narrow(0, 11, 1), scan);
  for (const std::size_t i : {0U, 1U, 2U, 4U, 5U, 7U})  // y and the gradients of u, delta, B, C, z
    EXPECT_TRUE(torch::equal(results[i], first[i].narrow(0, 11, 1))) << "result " << i;
}

TEST_F(SelectiveScanOnCuda, ReadsSlicesOfWiderTensorsInPlaceAndIsTheSameWithoutGradients) {
  auto inputs = on_cuda(drawn_inputs({2, 50, 24, 16}));
  const auto expected = selective_scan(leaves(inputs)).detach();
  inputs = sliced_and_transposed(inputs);
  EXPECT_TRUE(torch::equal(selective_scan(inputs), expected));
}

TEST_F(SelectiveScanOnCuda, NamesTheTensorThatIsElsewhere) {
  auto inputs = on_cuda(drawn_inputs({2, 4, 6, 3}));
  inputs.B = inputs.B.cpu();
  try {
    selective_scan(inputs);
    FAIL() << "B is not on the device of u";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what_without_backtrace(), testing::HasSubstr("B is on cpu, not on cuda:0"));
  }
}

}  // namespace
}  // namespace warifu
