#include "nn/causal_conv.h"

#include <string>
#include <vector>

#include "nn/channel_blocks.h"
#include "nn/selective_scan_kernels.h"

namespace warifu {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

class Convolution {
 public:
  Convolution(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
              const ScanKernels& kernels)
      : x_(side_by_side(x)),
        rows_(static_cast<std::size_t>(x.size(0))),
        length_(static_cast<std::size_t>(x.size(1))),
        channels_(static_cast<std::size_t>(x.size(2))),
        taps_(static_cast<std::size_t>(weight.size(2))),
        weight_(by_block(weight.squeeze(1), channels_, taps_)),
        bias_(by_block(bias, channels_, 1)),
        kernels_(kernels) {}

  torch::Tensor forward() const {
    auto y = torch::empty(x_.sizes(), torch::kFloat32);
    for_each_block(rows_, channels_, updates(), 0, [&](const ChannelBlock& block, float*) {
      kernels_.convolve(task(block), rows_of(y, block.row, block.first_channel));
    });
    return y;
  }

  // Gradients of x, weight and bias.
  tensor_list backward(const torch::Tensor& y_gradient) const {
    const auto of_y = side_by_side(y_gradient);
    auto of_x = torch::empty(x_.sizes(), torch::kFloat32);
    const auto of_weight = room_for_parts(rows_, channels_, taps_ * kScanChannels);
    const auto of_bias = room_for_parts(rows_, channels_, kScanChannels);
    for_each_block(rows_, channels_, updates(), conv_scratch_floats(length_, taps_),
                   [&](const ChannelBlock& block, float* scratch) {
                     ConvGradients gradients;
                     gradients.y = rows_of(of_y, block.row, block.first_channel);
                     gradients.x = rows_of(of_x, block.row, block.first_channel);
                     gradients.weight = part_of(of_weight, block);
                     gradients.bias = part_of(of_bias, block);
                     kernels_.convolve_backward(task(block), gradients, scratch);
                   });
    return {of_x, sum_over_rows(of_weight, rows_, channels_, taps_, taps_).unsqueeze(1),
            sum_over_rows(of_bias, rows_, channels_, 1, 1).squeeze(1)};
  }

 private:
  std::size_t updates() const { return length_ * kScanChannels * taps_; }

  ConvTask task(const ChannelBlock& block) const {
    ConvTask task;
    task.length = length_;
    task.channels = block.channels;
    task.taps = taps_;
    task.x = rows_of(x_, block.row, block.first_channel);
    task.weight = weight_.data() + block.block * taps_ * kScanChannels;
    task.bias = bias_.data() + block.block * kScanChannels;
    return task;
  }

  torch::Tensor x_;
  std::size_t rows_, length_, channels_, taps_;
  std::vector<float> weight_, bias_;
  const ScanKernels& kernels_;
};

class CausalConvFunction : public torch::autograd::Function<CausalConvFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& weight,
                               const c10::optional<torch::Tensor>& bias, const std::string& kernels) {
    const auto given_bias = or_undefined(bias);
    context->save_for_backward({x, weight, given_bias});
    context->saved_data["kernels"] = kernels;
    return Convolution(x, weight, given_bias, scan_kernels_named(kernels)).forward();
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& y_gradient) {
    const auto saved = context->get_saved_variables();
    auto gradients =
        Convolution(saved[0], saved[1], saved[2], scan_kernels_named(context->saved_data["kernels"].toStringRef()))
            .backward(y_gradient[0]);
    if (!saved[2].defined()) gradients[2] = torch::Tensor();
    gradients.resize(4);  // nothing flows to the choice of kernels
    return gradients;
  }
};

}  // namespace

torch::Tensor causal_conv_silu(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                               const ScanKernels& kernels) {
  TORCH_CHECK(x.defined() && x.dim() == 3, "causal convolution: x must be [batch, length, channels]");
  TORCH_CHECK(weight.defined() && weight.dim() == 3 && weight.size(2) > 0,
              "causal convolution: weight must be [channels, 1, taps], taps >= 1");
  check_floats("causal convolution: x", x, x.sizes());
  check_floats("causal convolution: weight", weight, {x.size(2), 1, weight.size(2)});
  if (bias.defined()) check_floats("causal convolution: bias", bias, {x.size(2)});
  if (!torch::GradMode::is_enabled()) return Convolution(x, weight, bias, kernels).forward();
  return CausalConvFunction::apply(x, weight, as_optional(bias), std::string(kernels.name));
}

torch::Tensor causal_conv_silu(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  return causal_conv_silu(x, weight, bias, chosen_scan_kernels());
}

}  // namespace warifu
