#include "nn/gated_fusion.h"

#include <cmath>

namespace warifu {

GatedSelectionImpl::GatedSelectionImpl(const GatedFusionOptions& options, std::int64_t transformer_width) {
  const std::int64_t width = options.width;
  shortcut_ = register_module("shortcut", torch::nn::Linear(width, width));
  in_ = register_module("in", torch::nn::Linear(width, width));
  gated_ = register_module("gated", torch::nn::Linear(width, width));
  out_ = register_module("out", torch::nn::Linear(width, width));
  norm_in_ = register_module("norm_in", GlobalResponseNorm(width));
  norm_gated_ = register_module("norm_gated", GlobalResponseNorm(width));
  norm_out_ = register_module("norm_out", GlobalResponseNorm(width));
  norm_sum_ = register_module("norm_sum", GlobalResponseNorm(transformer_width));
  if (options.ssm) {
    mamba_ = register_module("mamba", MambaBlock(MambaBlockOptions{.d_model = width}));
    scan_scale_ = register_parameter("scan_scale", torch::randn({1}).abs());
    gate_scale_ = register_parameter("gate_scale", torch::randn({1}).abs());
  }
  transformer_ =
      register_module("transformer", TransformerBlock(TransformerBlockOptions{.width = transformer_width,
                                                                              .heads = options.heads,
                                                                              .activation = Activation::kRelu,
                                                                              .hidden = 2 * transformer_width,
                                                                              .dropout = options.dropout,
                                                                              .norm_first = false}));
}

template <typename Scan>
torch::Tensor GatedSelectionImpl::select(const torch::Tensor& tokens, std::int64_t gate_axis, const Scan& scan) {
  const auto x = torch::silu(norm_in_(in_(tokens)));
  auto mixed = x;
  if (!mamba_.is_empty()) {
    const auto scanned = scan_scale_ * scan(x);
    const auto likeness = torch::cosine_similarity(scanned, x, -1).mean(gate_axis, /*keepdim=*/true);
    const auto gate = torch::sigmoid(likeness).unsqueeze(-1);
    mixed = gate_scale_ * gate * scanned + (1 - gate) * x;
  }
  const auto selected = torch::silu(norm_gated_(gated_(mixed)));
  return (out_(norm_out_(selected)) + shortcut_(tokens)) / 2;
}

torch::Tensor GatedSelectionImpl::transform(const torch::Tensor& sequences) {
  const auto transformed = transformer_(norm_sum_(sequences));
  const double length = std::sqrt(static_cast<double>(sequences.size(-1)));
  return transformed * (length / (transformed.norm(2, -1, /*keepdim=*/true) + 1e-6));
}

GatedFusionImpl::GatedFusionImpl(const GatedFusionOptions& options) : GatedSelectionImpl(options, options.width) {}

torch::Tensor GatedFusionImpl::forward(const torch::Tensor& tokens) {
  return transform(select(tokens, /*gate_axis=*/1, [this](const torch::Tensor& x) {
    // Both directions in one call: twice the rows, which the scan spreads over threads.
    const auto scans = mamba_(torch::cat({x, x.flip(1)})).chunk(2);
    return scans[0] + scans[1].flip(1);
  }));
}

BatchFusionImpl::BatchFusionImpl(const GatedFusionOptions& options) : GatedSelectionImpl(options, 2 * options.width) {}

std::pair<torch::Tensor, torch::Tensor> BatchFusionImpl::forward(const torch::Tensor& a, const torch::Tensor& b) {
  const std::int64_t batch = a.size(0), width = a.size(1);
  const auto sums = select(torch::stack({a, b}), /*gate_axis=*/0, [&](const torch::Tensor& x) {
    const auto sequence = x.reshape({2, width, batch}).transpose(1, 2);  // reads the numbers anew, as released
    const auto turned = torch::cat({sequence, sequence.flip(2), sequence.flip(1), sequence.flip({1, 2})});
    const auto scans = mamba_(turned).chunk(4);
    const auto sum = scans[0] + scans[1].flip(2) + scans[2].flip(1) + scans[3].flip({1, 2});
    return sum.transpose(1, 2).reshape({2, batch, width});
  });
  // One sequence as long as the batch.
  const auto both = transform(torch::cat({sums[0], sums[1]}, 1).unsqueeze(0))[0];
  return {both.narrow(1, 0, width), both.narrow(1, width, width)};
}

}  // namespace warifu
