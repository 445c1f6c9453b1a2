#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "nn/channel_blocks.h"
#include "nn/selective_scan.h"
#include "nn/selective_scan_gpu.h"

// Inside nn/ only: from the tensors of selective_scan.h to the plain memory of selective_scan_gpu.h and
// back, with the gradient. `Device` says who does the work: selective_scan_cuda.cc asks a GPU for it,
// selective_scan_gpu_test.cc does it on the processor. It has
//
//   explicit Device(const torch::Device& device)   the device of all tensors, made the current one until the end
//   void scan(const GpuScan& scan, float* y, const GpuKept& kept)
//   void scan_backward(const GpuScan& scan, const GpuScanGradients& gradients)
//   void sum(const float* parts, std::size_t terms, std::size_t count, float* result)
//
// which take place in the order of the calls.
namespace warifu {

template <typename Device>
class GpuScanOfTensors {
 public:
  // The inputs have been checked: types, shapes, one device.
  explicit GpuScanOfTensors(const SelectiveScanInputs& inputs)
      : device_(inputs.u.device()),
        u_(side_by_side(inputs.u)),
        delta_(side_by_side(inputs.delta)),
        a_(inputs.A.contiguous()),
        b_(side_by_side(inputs.B)),
        c_(side_by_side(inputs.C)),
        d_(or_contiguous(inputs.D)),
        z_(inputs.z.defined() ? side_by_side(inputs.z) : inputs.z),
        delta_bias_(or_contiguous(inputs.delta_bias)) {
    scan_.rows = size(u_, 0);
    scan_.length = size(u_, 1);
    scan_.channels = size(u_, 2);
    scan_.states = size(b_, 2);
    scan_.u = strided(u_);
    scan_.delta = strided(delta_);
    if (z_.defined()) scan_.z = strided(z_);
    scan_.b = strided(b_);
    scan_.c = strided(c_);
    scan_.a = a_.data_ptr<float>();
    if (d_.defined()) scan_.d = d_.data_ptr<float>();
    if (delta_bias_.defined()) scan_.delta_bias = delta_bias_.data_ptr<float>();
    scan_.delta_softplus = inputs.delta_softplus;
  }

  // Room for what backward() needs besides the inputs, or for what a forward pass alone needs.
  torch::Tensor room_for_states(bool with_backward) const {
    const std::size_t between = std::max<std::size_t>(gpu_chunks(scan_.length), 1) - 1;
    return room(
        {scan_.rows, with_backward ? between : std::min<std::size_t>(between, 1), scan_.states, scan_.channels});
  }

  torch::Tensor forward(const torch::Tensor& states) {
    auto y = room({scan_.rows, scan_.length, scan_.channels});
    device_.scan(scan_, y.template data_ptr<float>(), kept(states));
    return y;
  }

  // Gradients of u, delta, A, B, C, D, z and delta_bias, also of those that were not given.
  std::array<torch::Tensor, 8> backward(const torch::Tensor& y_gradient, const torch::Tensor& states) {
    const auto of_y = side_by_side(y_gradient);
    const auto of_u = room({scan_.rows, scan_.length, scan_.channels}), of_delta = torch::empty_like(of_u);
    const auto of_z = z_.defined() ? torch::empty_like(of_u) : torch::Tensor();
    const auto carried = room({scan_.rows, scan_.states, scan_.channels}), of_a = torch::empty_like(carried);
    const auto of_d = room({scan_.rows, scan_.channels}), of_bias = torch::empty_like(of_d);
    const std::size_t blocks = gpu_blocks_of_row(scan_.channels);
    const auto of_b = room({blocks, scan_.rows, scan_.length, scan_.states}), of_c = torch::empty_like(of_b);
    GpuScanGradients gradients;
    gradients.y = strided(of_y);
    gradients.kept = kept(states);
    gradients.u = of_u.template data_ptr<float>();
    gradients.delta = of_delta.template data_ptr<float>();
    if (z_.defined()) gradients.z = of_z.template data_ptr<float>();
    gradients.carried = carried.template data_ptr<float>();
    gradients.a_parts = of_a.template data_ptr<float>();
    gradients.d_parts = of_d.template data_ptr<float>();
    gradients.delta_bias_parts = of_bias.template data_ptr<float>();
    gradients.b_parts = of_b.template data_ptr<float>();
    gradients.c_parts = of_c.template data_ptr<float>();
    device_.scan_backward(scan_, gradients);
    return {of_u, of_delta, sum(of_a).t().contiguous(), sum(of_b), sum(of_c), sum(of_d), of_z, sum(of_bias)};
  }

 private:
  static std::size_t size(const torch::Tensor& tensor, std::int64_t dimension) {
    return static_cast<std::size_t>(tensor.size(dimension));
  }

  static torch::Tensor or_contiguous(const torch::Tensor& tensor) {
    return tensor.defined() ? tensor.contiguous() : tensor;
  }

  static GpuTensor strided(const torch::Tensor& tensor) {
    return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.stride(0)),
            static_cast<std::size_t>(tensor.stride(1))};
  }

  static GpuKept kept(const torch::Tensor& states) { return {states.data_ptr<float>(), size(states, 1)}; }

  torch::Tensor room(const std::vector<std::size_t>& shape) const {
    return torch::empty(std::vector<std::int64_t>(shape.begin(), shape.end()), u_.options());
  }

  // parts [terms, …] -> […], added in their order.
  torch::Tensor sum(const torch::Tensor& parts) {
    auto result = torch::empty(parts.sizes().slice(1), parts.options());
    device_.sum(parts.data_ptr<float>(), size(parts, 0), static_cast<std::size_t>(result.numel()),
                result.template data_ptr<float>());
    return result;
  }

  Device device_;  // before anything that allocates
  torch::Tensor u_, delta_, a_, b_, c_, d_, z_, delta_bias_;
  GpuScan scan_;
};

template <typename Device>
class GpuScanFunction : public torch::autograd::Function<GpuScanFunction<Device>> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& u,
                               const torch::Tensor& delta, const torch::Tensor& a, const torch::Tensor& b,
                               const torch::Tensor& c, const c10::optional<torch::Tensor>& d,
                               const c10::optional<torch::Tensor>& z, const c10::optional<torch::Tensor>& delta_bias,
                               bool delta_softplus) {
    const SelectiveScanInputs inputs{
        u, delta, a, b, c, or_undefined(d), or_undefined(z), or_undefined(delta_bias), delta_softplus};
    GpuScanOfTensors<Device> scan(inputs);
    const auto states = scan.room_for_states(/*with_backward=*/true);
    auto y = scan.forward(states);
    context->save_for_backward({u, delta, a, b, c, inputs.D, inputs.z, inputs.delta_bias, states});
    context->saved_data["delta_softplus"] = delta_softplus;
    return y;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& y_gradient) {
    const auto saved = context->get_saved_variables();
    GpuScanOfTensors<Device> scan({saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], saved[6], saved[7],
                                   context->saved_data["delta_softplus"].toBool()});
    const auto gradients = scan.backward(y_gradient[0], saved[8]);
    torch::autograd::tensor_list results(gradients.begin(), gradients.end());
    for (const std::size_t optional : {5U, 6U, 7U})
      if (!saved[optional].defined()) results[optional] = torch::Tensor();
    results.resize(9);  // nothing flows to the flag
    return results;
  }
};

// selective_scan() by `Device`, for inputs that have been checked.
template <typename Device>
torch::Tensor gpu_selective_scan(const SelectiveScanInputs& inputs, bool with_gradients) {
  if (!with_gradients) {
    GpuScanOfTensors<Device> scan(inputs);
    return scan.forward(scan.room_for_states(/*with_backward=*/false));
  }
  return GpuScanFunction<Device>::apply(inputs.u, inputs.delta, inputs.A, inputs.B, inputs.C, as_optional(inputs.D),
                                        as_optional(inputs.z), as_optional(inputs.delta_bias), inputs.delta_softplus);
}

}  // namespace warifu
