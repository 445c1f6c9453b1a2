#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace warifu {

struct MambaBlockOptions {
  std::int64_t d_model = 0;  // width of the tokens
  std::int64_t d_state = 16;
  std::int64_t d_conv = 4;   // taps of the convolution over time
  std::int64_t expand = 2;   // channels inside: expand * d_model
  std::int64_t dt_rank = 0;  // 0: d_model / 16, rounded up
};

// One Mamba (v1) block: x and a gate z by in_proj; a short causal convolution with SiLU over x; from
// it B, C and a low-rank step size by x_proj and dt_proj; the selective scan, gated by z; out_proj.
// Without normalisation and residual, which belong around it.
//
// Parameters have the names, shapes and initial distributions of mamba_simple.Mamba, so that its
// weights load by name: in_proj.weight, conv1d.weight and .bias, x_proj.weight, dt_proj.weight and
// .bias, A_log, D, out_proj.weight. Initial values come from torch's generator. mamba_simple lets no
// weight decay touch A_log, D and dt_proj.bias; our optimizer decays what has two dimensions, A_log too.
//
// The output at time t depends on x up to t. Rows of the batch do not mix: a row passed alone
// (for_each_alone) gives the same bits whatever else is encoded; among others, its matrix products
// may be rounded differently.
//
// Thread safety: forward() may run concurrently.
//
// Source: A. Gu and T. Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
// arXiv 2312.00752, figure 3; mamba_ssm/modules/mamba_simple.py of state-spaces/mamba.
class MambaBlockImpl : public torch::nn::Module {
 public:
  explicit MambaBlockImpl(const MambaBlockOptions& options);

  // [batch, length, d_model] -> the same shape.
  torch::Tensor forward(const torch::Tensor& x);

 private:
  std::int64_t d_state_, dt_rank_;
  torch::nn::Linear in_proj_ = nullptr;   // d_model -> x and z, 2 * channels
  torch::nn::Conv1d conv1d_ = nullptr;    // holds the weights [channels, 1, d_conv]; causal_conv_silu uses them
  torch::nn::Linear x_proj_ = nullptr;    // channels -> dt_rank + 2 * d_state
  torch::nn::Linear dt_proj_ = nullptr;   // dt_rank -> channels
  torch::nn::Linear out_proj_ = nullptr;  // channels -> d_model
  torch::Tensor A_log_, D_;               // [channels, d_state], [channels]
};
TORCH_MODULE(MambaBlock);

}  // namespace warifu
