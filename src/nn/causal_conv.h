#pragma once

#include <torch/torch.h>

namespace warifu {

struct ScanKernels;

// Causal depth-wise convolution over time with SiLU after it, the short convolution of a Mamba block:
//
//   y_t[d] = silu(bias[d] + sum over k of weight[d, 0, k] x_{t - taps + 1 + k}[d]),  x before time 0 is 0
//
//   x       [batch, length, channels] float32 on the CPU; may be a slice of a wider tensor
//   weight  [channels, 1, taps], as torch::nn::Conv1d with groups = channels has it
//   bias    [channels], or undefined
//   returns [batch, length, channels]
//
// Gradients flow to all three (once). A row depends on that row of the batch alone; sums over the
// batch are in its order; nothing depends on the number of threads. TORCH_CHECK fails, naming the
// tensor, for a wrong shape, type or device.
//
// Thread safety: may run concurrently; uses parallel_for.
//
// libtorch's conv1d wants time last and takes several times as long (docs/decisions/selective-scan.md).
torch::Tensor causal_conv_silu(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

// For tests and benchmarks: by kernels of scan_kernels() that run here.
torch::Tensor causal_conv_silu(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                               const ScanKernels& kernels);

}  // namespace warifu
