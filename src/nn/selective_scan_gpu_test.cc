#include "nn/selective_scan_gpu.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "nn/selective_scan_cases.h"
#include "nn/selective_scan_gpu_tensors.h"

namespace warifu {
namespace {

// Does the work of all threads of a GPU, one after the other, the last first: none may depend on the
// one before it.
class EmulatedDevice {
 public:
  explicit EmulatedDevice(const torch::Device&) {}

  static void scan(const GpuScan& scan, float* y, const GpuKept& kept) {
    for (std::size_t block = blocks(scan); block-- > 0;)
      for (std::size_t thread = kGpuChannels; thread-- > 0;) gpu_scan(scan, GpuPlace(scan, block, thread), y, kept);
  }

  static void scan_backward(const GpuScan& scan, const GpuScanGradients& gradients) {
    // What a thread reads before another wrote it shows.
    std::vector<float> shared(kGpuSharedFloats, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t block = blocks(scan); block-- > 0;) {
      std::vector<GpuBackwardThread> threads;
      for (std::size_t thread = 0; thread < kGpuChannels; ++thread)
        threads.emplace_back(scan, gradients, GpuPlace(scan, block, thread));
      gpu_scan_backward(scan, shared.data(), [&](const auto& work) {
        for (std::size_t thread = kGpuChannels; thread-- > 0;) work(threads[thread]);
      });
    }
  }

  static void sum(const float* parts, std::size_t terms, std::size_t count, float* result) {
    for (std::size_t index = 0; index < count; ++index) result[index] = sum_in_order(parts, terms, count, index);
  }

 private:
  static std::size_t blocks(const GpuScan& scan) { return scan.rows * gpu_blocks_of_row(scan.channels); }
};

torch::Tensor emulated_scan(const SelectiveScanInputs& inputs) {
  return gpu_selective_scan<EmulatedDevice>(inputs, torch::GradMode::is_enabled());
}

torch::Tensor cpu_scan(const SelectiveScanInputs& inputs) { return selective_scan(inputs); }

void expect_the_same_as_on_the_cpu(const SelectiveScanInputs& inputs) {
  const auto y_gradient = torch::randn_like(inputs.u);
  const auto found = all_results(inputs, y_gradient, emulated_scan);
  const auto expected = all_results(inputs, y_gradient, cpu_scan);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    expect_near(found[i], expected[i], 1e-5, "result " + std::to_string(i));
}

class SelectiveScanOfGpuThreads : public testing::Test {
 protected:
  SelectiveScanOfGpuThreads() { torch::manual_seed(1); }
};

TEST_F(SelectiveScanOfGpuThreads, AgreesWithTheCpuInEveryGradientAndShape) {
  for (const ScanShape& shape :
       {ScanShape{1, 1, 1, 1}, ScanShape{2, 1, 3, 16}, ScanShape{3, 5, 17, 1}, ScanShape{2, 16, 64, 5},
        ScanShape{2, 17, 65, 4}, ScanShape{3, 33, 130, 16}, ScanShape{1, 197, 70, 6}, ScanShape{1, 40, 9, 256}})
    for (const bool everything : {true, false}) {
      SCOPED_TRACE(
          testing::PrintToString(std::vector<std::int64_t>{shape.batch, shape.length, shape.channels, shape.states}));
      expect_the_same_as_on_the_cpu(drawn_inputs(shape, everything));
    }
}

TEST_F(SelectiveScanOfGpuThreads, AgreesWithTheCpuWhicheverTensorsAreNotGiven) {
  for (unsigned given = 0; given < 8; ++given) {
    const auto inputs = only_given(drawn_inputs({2, 19, 5, 3}), given);
    SCOPED_TRACE(testing::Message() << "given of D, z and delta_bias, by bits: " << given);
    expect_the_same_as_on_the_cpu(inputs);
  }
}

TEST_F(SelectiveScanOfGpuThreads, ReadSlicesOfWiderTensorsInPlaceAndTransposedOnesByCopy) {
  auto inputs = drawn_inputs({2, 20, 24, 16});
  const torch::NoGradGuard no_grad;
  const auto expected = emulated_scan(inputs);
  inputs = sliced_and_transposed(inputs);
  inputs.D = torch::stack({inputs.D, inputs.D}, 1).select(1, 0);
  EXPECT_TRUE(torch::equal(emulated_scan(inputs), expected));
}

TEST_F(SelectiveScanOfGpuThreads, AreTheSameWithAndWithoutGradients) {
  const auto inputs = leaves(drawn_inputs({2, 50, 24, 5}));
  const auto with = emulated_scan(inputs);
  EXPECT_TRUE(with.requires_grad());
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(with, emulated_scan(inputs)));
}

TEST_F(SelectiveScanOfGpuThreads, GiveARowTheSameBitsWhateverElseIsInTheBatch) {
  const auto inputs = drawn_inputs({3, 37, 70, 5});
  const auto y_gradient = torch::randn_like(inputs.u);
  const auto together = all_results(inputs, y_gradient, emulated_scan);
  auto alone = inputs;
  for (torch::Tensor* tensor : {&alone.u, &alone.delta, &alone.B, &alone.C, &alone.z})
    *tensor = tensor->narrow(0, 2, 1);
  const auto results = all_results(alone, y_gradient.narrow(0, 2, 1), emulated_scan);
  for (const std::size_t i : {0U, 1U, 2U, 4U, 5U, 7U})  // y and the gradients of u, delta, B, C, z
    EXPECT_TRUE(torch::equal(results[i], together[i].narrow(0, 2, 1))) << "result " << i;
}

TEST_F(SelectiveScanOfGpuThreads, OfNothingAreNothing) {
  for (const ScanShape& shape : kEmptyScans) expect_the_same_as_on_the_cpu(drawn_inputs(shape));
}

TEST_F(SelectiveScanOfGpuThreads, KeepSoftplusAndGatesExactOrEndlessAtTheEnds) {
  auto inputs = drawn_inputs({1, 20, 3, 2});
  inputs.delta.select(1, 4).fill_(-200);
  inputs.delta.select(1, 5).fill_(200);
  inputs.z.select(1, 6).fill_(-200);
  inputs.z.select(1, 7).fill_(200);
  expect_the_same_as_on_the_cpu(inputs);
}

}  // namespace
}  // namespace warifu
