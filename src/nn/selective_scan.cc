#include "nn/selective_scan.h"

#include <array>
#include <numbers>
#include <string>
#include <vector>

#include "nn/channel_blocks.h"
#include "nn/selective_scan_kernels.h"

#ifdef WARIFU_CUDA
#include "nn/selective_scan_cuda.h"
#endif

namespace warifu {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;
using Optional = c10::optional<torch::Tensor>;

// The inputs, checked and laid out for the kernels.
class Scan {
 public:
  explicit Scan(const SelectiveScanInputs& inputs, const ScanKernels& kernels)
      : u_(side_by_side(inputs.u)),
        delta_(side_by_side(inputs.delta)),
        b_(side_by_side(inputs.B)),
        c_(side_by_side(inputs.C)),
        z_(inputs.z.defined() ? side_by_side(inputs.z) : inputs.z),
        rows_(static_cast<std::size_t>(u_.size(0))),
        length_(static_cast<std::size_t>(u_.size(1))),
        channels_(static_cast<std::size_t>(u_.size(2))),
        states_(static_cast<std::size_t>(b_.size(2))),
        log2_decay_(by_block(inputs.A, channels_, padded_states(states_), std::numbers::log2e)),
        skip_(by_block(inputs.D, channels_, 1)),
        delta_bias_(by_block(inputs.delta_bias, channels_, 1)),
        delta_softplus_(inputs.delta_softplus),
        kernels_(kernels) {}

  // What backward() needs besides the inputs.
  torch::Tensor room_for_checkpoints() const { return parts(checkpoint_floats(length_, states_)); }

  // `checkpoints`: room for them, or undefined.
  torch::Tensor forward(torch::Tensor& checkpoints) const {
    auto y = torch::empty(u_.sizes(), torch::kFloat32);
    for_each_block(rows_, channels_, updates(), scan_scratch_floats(states_),
                   [&](const ChannelBlock& block, float* scratch) {
                     kernels_.scan(task(block), rows_of(y, block.row, block.first_channel),
                                   checkpoints.defined() ? part_of(checkpoints, block) : nullptr, scratch);
                   });
    return y;
  }

  // Gradients of u, delta, A, B, C, D, z and delta_bias, also of those that were not given.
  std::array<torch::Tensor, 8> backward(const torch::Tensor& y_gradient, const torch::Tensor& checkpoints) const {
    const auto of_y = side_by_side(y_gradient);
    auto of_u = torch::empty(u_.sizes(), torch::kFloat32), of_delta = torch::empty_like(of_u);
    auto of_z = z_.defined() ? torch::empty_like(of_u) : torch::Tensor();
    const std::size_t padded = padded_states(states_);
    // of each task
    auto of_decay = parts(padded * kScanChannels), of_skip = parts(kScanChannels), of_bias = parts(kScanChannels);
    auto of_b = parts(length_ * padded), of_c = parts(length_ * padded);
    for_each_block(rows_, channels_, updates(), scan_scratch_floats(states_),
                   [&](const ChannelBlock& block, float* scratch) {
                     const std::size_t first = block.first_channel;
                     ScanGradients gradients;
                     gradients.y = rows_of(of_y, block.row, first);
                     gradients.checkpoints = part_of(checkpoints, block);
                     gradients.u = rows_of(of_u, block.row, first);
                     gradients.delta = rows_of(of_delta, block.row, first);
                     if (z_.defined()) gradients.z = rows_of(of_z, block.row, first);
                     gradients.b = {part_of(of_b, block), padded};
                     gradients.c = {part_of(of_c, block), padded};
                     gradients.decay = part_of(of_decay, block);
                     gradients.skip = part_of(of_skip, block);
                     gradients.delta_bias = part_of(of_bias, block);
                     kernels_.scan_backward(task(block), gradients, scratch);
                   });
    return {of_u,
            of_delta,
            sum_over_rows(of_decay, rows_, channels_, padded, states_),
            sum_over_blocks(of_b),
            sum_over_blocks(of_c),
            sum_over_rows(of_skip, rows_, channels_, 1, 1).squeeze(1),
            of_z,
            sum_over_rows(of_bias, rows_, channels_, 1, 1).squeeze(1)};
  }

 private:
  std::size_t updates() const { return length_ * kScanChannels * padded_states(states_); }  // of one task

  ScanTask task(const ChannelBlock& block) const {
    ScanTask task;
    task.length = length_;
    task.channels = block.channels;
    task.states = states_;
    task.u = rows_of(u_, block.row, block.first_channel);
    task.delta = rows_of(delta_, block.row, block.first_channel);
    if (z_.defined()) task.z = rows_of(z_, block.row, block.first_channel);
    task.b = rows_of(b_, block.row, 0);
    task.c = rows_of(c_, block.row, 0);
    task.log2_decay = log2_decay_.data() + block.block * padded_states(states_) * kScanChannels;
    task.skip = skip_.data() + block.block * kScanChannels;
    task.delta_bias = delta_bias_.data() + block.block * kScanChannels;
    task.delta_softplus = delta_softplus_;
    return task;
  }

  torch::Tensor parts(std::size_t floats) const { return room_for_parts(rows_, channels_, floats); }

  // parts [row and block, length * padded states] -> [rows, length, states], blocks added in their order.
  torch::Tensor sum_over_blocks(const torch::Tensor& parts) const {
    const std::size_t blocks = block_count(channels_), padded = padded_states(states_);
    auto result = torch::zeros(
        {static_cast<std::int64_t>(rows_), static_cast<std::int64_t>(length_), static_cast<std::int64_t>(states_)},
        torch::kFloat32);
    const float* from = parts.data_ptr<float>();
    for (std::size_t row = 0; row < rows_; ++row)
      for (std::size_t block = 0; block < blocks; ++block) {
        float* to = result.data_ptr<float>() + row * length_ * states_;
        for (std::size_t t = 0; t < length_; ++t, from += padded, to += states_)
          for (std::size_t n = 0; n < states_; ++n) to[n] += from[n];
      }
    return result;
  }

  torch::Tensor u_, delta_, b_, c_, z_;
  std::size_t rows_, length_, channels_, states_;
  std::vector<float> log2_decay_, skip_, delta_bias_;
  bool delta_softplus_;
  const ScanKernels& kernels_;
};

class SelectiveScanFunction : public torch::autograd::Function<SelectiveScanFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& u, const torch::Tensor& delta,
                               const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& c,
                               const Optional& d, const Optional& z, const Optional& delta_bias, bool delta_softplus,
                               const std::string& kernels) {
    const SelectiveScanInputs inputs{
        u, delta, a, b, c, or_undefined(d), or_undefined(z), or_undefined(delta_bias), delta_softplus};
    const Scan scan(inputs, scan_kernels_named(kernels));
    auto checkpoints = scan.room_for_checkpoints();
    auto y = scan.forward(checkpoints);
    context->save_for_backward({u, delta, a, b, c, inputs.D, inputs.z, inputs.delta_bias, checkpoints});
    context->saved_data["delta_softplus"] = delta_softplus;
    context->saved_data["kernels"] = kernels;
    return y;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& y_gradient) {
    const auto saved = context->get_saved_variables();
    const Scan scan({saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], saved[6], saved[7],
                     context->saved_data["delta_softplus"].toBool()},
                    scan_kernels_named(context->saved_data["kernels"].toStringRef()));
    const auto gradients = scan.backward(y_gradient[0], saved[8]);
    tensor_list results(gradients.begin(), gradients.end());
    for (const std::size_t optional : {5U, 6U, 7U})
      if (!saved[optional].defined()) results[optional] = torch::Tensor();
    results.resize(10);  // nothing flows to the flag and the choice of kernels
    return results;
  }
};

void check(const SelectiveScanInputs& inputs, const torch::Device& device) {
  TORCH_CHECK(inputs.u.defined() && inputs.u.dim() == 3, "selective scan: u must be [batch, length, channels]");
  TORCH_CHECK(inputs.B.defined() && inputs.B.dim() == 3, "selective scan: B must be [batch, length, states]");
  const std::int64_t channels = inputs.u.size(2), states = inputs.B.size(2);
  const std::array of_states{inputs.u.size(0), inputs.u.size(1), states};
  check_floats("selective scan: u", inputs.u, inputs.u.sizes(), device);
  check_floats("selective scan: delta", inputs.delta, inputs.u.sizes(), device);
  check_floats("selective scan: A", inputs.A, {channels, states}, device);
  check_floats("selective scan: B", inputs.B, of_states, device);
  check_floats("selective scan: C", inputs.C, of_states, device);
  if (inputs.D.defined()) check_floats("selective scan: D", inputs.D, {channels}, device);
  if (inputs.z.defined()) check_floats("selective scan: z", inputs.z, inputs.u.sizes(), device);
  if (inputs.delta_bias.defined()) check_floats("selective scan: delta_bias", inputs.delta_bias, {channels}, device);
}

bool wants_gradients(const SelectiveScanInputs& inputs) {
  if (!torch::GradMode::is_enabled()) return false;
  for (const auto* tensor :
       {&inputs.u, &inputs.delta, &inputs.A, &inputs.B, &inputs.C, &inputs.D, &inputs.z, &inputs.delta_bias})
    if (tensor->defined() && tensor->requires_grad()) return true;
  return false;
}

}  // namespace

torch::Tensor selective_scan(const SelectiveScanInputs& inputs, const ScanKernels& kernels) {
  check(inputs, torch::kCPU);
  if (!wants_gradients(inputs)) {
    torch::Tensor no_checkpoints;
    return Scan(inputs, kernels).forward(no_checkpoints);
  }
  return SelectiveScanFunction::apply(inputs.u, inputs.delta, inputs.A, inputs.B, inputs.C, as_optional(inputs.D),
                                      as_optional(inputs.z), as_optional(inputs.delta_bias), inputs.delta_softplus,
                                      std::string(kernels.name));
}

torch::Tensor selective_scan(const SelectiveScanInputs& inputs) {
  if (!inputs.u.defined() || !inputs.u.is_cuda()) return selective_scan(inputs, chosen_scan_kernels());
#ifdef WARIFU_CUDA
  check(inputs, inputs.u.device());
  return selective_scan_on_cuda(inputs, wants_gradients(inputs));
#else
  TORCH_CHECK(false, "selective scan: u is on ", inputs.u.device(),
              ", and this build has no CUDA kernel: it was built without WARIFU_CUDA");
#endif
}

}  // namespace warifu
