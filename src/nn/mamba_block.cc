#include "nn/mamba_block.h"

#include <cmath>

#include "nn/causal_conv.h"
#include "nn/selective_scan.h"

namespace warifu {
namespace {

// The bias that softplus turns into step sizes, log-uniform between these.
constexpr double kSmallestStep = 1e-3, kLargestStep = 1e-1;

torch::Tensor initial_delta_bias(std::int64_t channels) {
  const auto step =
      torch::exp(torch::rand({channels}) * std::log(kLargestStep / kSmallestStep) + std::log(kSmallestStep))
          .clamp_min(1e-4);
  return step + torch::log(-torch::expm1(-step));  // the inverse of softplus
}

torch::nn::Linear without_bias(std::int64_t from, std::int64_t to) {
  return torch::nn::Linear(torch::nn::LinearOptions(from, to).bias(false));
}

}  // namespace

MambaBlockImpl::MambaBlockImpl(const MambaBlockOptions& options)
    : d_state_(options.d_state), dt_rank_(options.dt_rank > 0 ? options.dt_rank : (options.d_model + 15) / 16) {
  TORCH_CHECK(options.d_model > 0 && options.d_state > 0 && options.d_conv > 0 && options.expand > 0,
              "a Mamba block needs widths above 0");
  const std::int64_t channels = options.expand * options.d_model;
  in_proj_ = register_module("in_proj", without_bias(options.d_model, 2 * channels));
  conv1d_ = register_module(
      "conv1d",
      torch::nn::Conv1d(torch::nn::Conv1dOptions(channels, channels, options.d_conv).groups(channels).bias(true)));
  x_proj_ = register_module("x_proj", without_bias(channels, dt_rank_ + 2 * d_state_));
  dt_proj_ = register_module("dt_proj", torch::nn::Linear(dt_rank_, channels));
  out_proj_ = register_module("out_proj", without_bias(channels, options.d_model));
  const auto decay = torch::arange(1, d_state_ + 1, torch::kFloat32).log();  // A = -n for state n, from 1
  A_log_ = register_parameter("A_log", decay.repeat({channels, 1}));
  D_ = register_parameter("D", torch::ones({channels}));

  const torch::NoGradGuard no_grad;
  const double bound = 1 / std::sqrt(static_cast<double>(dt_rank_));
  torch::nn::init::uniform_(dt_proj_->weight, -bound, bound);
  dt_proj_->bias.copy_(initial_delta_bias(channels));
}

torch::Tensor MambaBlockImpl::forward(const torch::Tensor& x) {
  const auto x_and_z = in_proj_(x).chunk(2, -1);
  const auto u = causal_conv_silu(x_and_z[0], conv1d_->weight, conv1d_->bias);
  const auto dt_b_c = x_proj_(u).split_with_sizes({dt_rank_, d_state_, d_state_}, -1);
  SelectiveScanInputs inputs;
  inputs.u = u;
  inputs.delta = torch::nn::functional::linear(dt_b_c[0], dt_proj_->weight);  // its bias is added inside the scan
  inputs.A = -torch::exp(A_log_);
  inputs.B = dt_b_c[1];
  inputs.C = dt_b_c[2];
  inputs.D = D_;
  inputs.z = x_and_z[1];
  inputs.delta_bias = dt_proj_->bias;
  inputs.delta_softplus = true;
  return out_proj_(selective_scan(inputs));
}

}  // namespace warifu
