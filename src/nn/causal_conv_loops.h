// The loops of the causal convolution (ConvTask in selective_scan_kernels.h), for selective_scan_loops.h,
// which says what is defined before. No #pragma once: each instruction set has its own.
#ifndef WARIFU_TARGET
#error "included by selective_scan_loops.h only"
#endif

namespace warifu {
namespace {

// The convolution at one step, before SiLU. Times before 0 count as zeros.
WARIFU_INLINE Vector convolved(const ConvTask& task, std::size_t t, std::size_t channel) {
  Vector sum = Lanes::load(task.bias + channel);
  const std::size_t missing = t + 1 < task.taps ? task.taps - 1 - t : 0;
  for (std::size_t k = missing; k < task.taps; ++k)
    sum = Lanes::fma(load_row(task.x, t + 1 + k - task.taps, channel, task.channels),
                     Lanes::load(task.weight + k * kScanChannels + channel), sum);
  return sum;
}

WARIFU_TARGET void convolve(const ConvTask& task, const Rows& y) {
  for (std::size_t t = 0; t < task.length; ++t) {
    for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
      const Vector sum = convolved(task, t, channel);
      store_row(y, t, channel, task.channels, Lanes::multiply(sum, sigmoid(sum)));
    }
  }
}

WARIFU_TARGET void convolve_backward(const ConvTask& task, const ConvGradients& gradients, float* block) {
  const std::size_t taps = task.taps;
  float* const of_sum = block;  // [length + taps] rows: the gradient before SiLU, zeros after the end
  float* const of_weight = block + (task.length + taps) * kScanChannels;  // [taps] rows
  float of_bias[kScanChannels] = {};
  set_to_zero(of_weight, taps * kScanChannels);
  set_to_zero(of_sum + task.length * kScanChannels, taps * kScanChannels);
  for (std::size_t t = 0; t < task.length; ++t) {
    for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
      const Vector sum = convolved(task, t, channel);
      const Vector gradient =
          Lanes::multiply(load_row(gradients.y, t, channel, task.channels), silu_slope(sum, sigmoid(sum)));
      Lanes::store(of_sum + t * kScanChannels + channel, gradient);
      Lanes::store(of_bias + channel, Lanes::add(Lanes::load(of_bias + channel), gradient));
      const std::size_t missing = t + 1 < taps ? taps - 1 - t : 0;
      for (std::size_t k = missing; k < taps; ++k) {
        float* const sums = of_weight + k * kScanChannels + channel;
        const Vector x = load_row(task.x, t + 1 + k - taps, channel, task.channels);
        Lanes::store(sums, Lanes::fma(gradient, x, Lanes::load(sums)));
      }
    }
  }
  for (std::size_t t = 0; t < task.length; ++t) {
    for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
      Vector sum = Lanes::all(0.0F);
      for (std::size_t k = 0; k < taps; ++k)
        sum = Lanes::fma(Lanes::load(of_sum + (t + taps - 1 - k) * kScanChannels + channel),
                         Lanes::load(task.weight + k * kScanChannels + channel), sum);
      store_row(gradients.x, t, channel, task.channels, sum);
    }
  }
  copy(of_weight, taps * kScanChannels, gradients.weight);
  copy(of_bias, kScanChannels, gradients.bias);
}

}  // namespace
}  // namespace warifu
