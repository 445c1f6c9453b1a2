#pragma once

#include <torch/torch.h>

namespace warifu {

struct ScanKernels;

// float32, all on the CPU or, in a build with the option WARIFU_CUDA, all on one CUDA device. Names
// and meaning as in selective_scan_ref of state-spaces/mamba, but time comes before channels, as
// linear layers leave it. A tensor may be a slice of a wider one: only the last dimension should lie
// side by side (else it is copied).
struct SelectiveScanInputs {
  torch::Tensor u;           // [batch, length, channels]
  torch::Tensor delta;       // [batch, length, channels], step sizes
  torch::Tensor A;           // [channels, states], < 0 where states fade
  torch::Tensor B;           // [batch, length, states]
  torch::Tensor C;           // [batch, length, states]
  torch::Tensor D;           // [channels], or undefined: no D u
  torch::Tensor z;           // [batch, length, channels], or undefined: no gate
  torch::Tensor delta_bias;  // [channels], or undefined
  bool delta_softplus = false;
};

// The selective scan of Mamba (v1), for every row of the batch, channel d and state n, h_{-1} = 0:
//
//   step_t   = delta_t[d] + delta_bias[d], through softplus where asked
//   h_t[d,n] = exp(step_t[d] A[d,n]) h_{t-1}[d,n] + step_t[d] B_t[n] u_t[d]
//   y_t[d]   = (sum over n of C_t[n] h_t[d,n] + D[d] u_t[d]) * silu(z_t[d])
//
// Returns y [batch, length, channels]; gradients flow to every tensor given (once: the backward pass
// has none of its own). Any of the sizes may be 0.
//
// The states of all times are never held: the forward pass keeps those of every 16th step, where
// gradients are wanted, and the backward pass makes the others again, 16 steps at a time.
//
// A row of y and its gradients depend on that row of the batch alone, to the last bit. Gradients of
// A, D and delta_bias are summed over the batch in its order. Nothing depends on the number of
// threads. The kernels of AVX2 and AVX-512 give the same bits; the portable one differs from them by
// rounding. Numbers below 2^-126 count as zero.
//
// On a CUDA device all this holds as well, but for the bits: they differ from the CPU's by rounding.
// The work is asked for on the device's current stream.
//
// TORCH_CHECK fails, naming the tensor, for a wrong shape, type or device, and for tensors on a CUDA
// device in a build without its kernels.
//
// Thread safety: may run concurrently; uses parallel_for.
//
// Source: A. Gu and T. Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
// arXiv 2312.00752, algorithm 2.
torch::Tensor selective_scan(const SelectiveScanInputs& inputs);

// For tests and benchmarks: on the CPU, by kernels of scan_kernels() that run here.
torch::Tensor selective_scan(const SelectiveScanInputs& inputs, const ScanKernels& kernels);

}  // namespace warifu
