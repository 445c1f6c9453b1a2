#include "nn/weight_interpolation.h"

#include <cstddef>

namespace warifu {

NamedTensors interpolate_weights(const NamedTensors& start, const NamedTensors& tuned, double share) {
  TORCH_CHECK(share >= 0 && share <= 1, "share ", share);
  TORCH_CHECK(start.size() == tuned.size(), start.size(), " start tensors and ", tuned.size(), " tuned ones");
  const torch::NoGradGuard no_grad;
  NamedTensors mixed;
  for (const auto& [name, from] : start) {
    const auto found = tuned.find(name);
    TORCH_CHECK(found != tuned.end(), "no tuned tensor '", name, "'");
    const auto& to = found->second;
    TORCH_CHECK(from.sizes() == to.sizes() && from.scalar_type() == to.scalar_type(), "tensor '", name, "': start ",
                from.sizes(), " ", from.scalar_type(), ", tuned ", to.sizes(), " ", to.scalar_type());
    const auto type = to.scalar_type();
    if (!to.is_floating_point()) {
      mixed.emplace(name, to.detach().clone());
    } else if (type == torch::kFloat64) {
      mixed.emplace(name, torch::lerp(from, to, share));
    } else {  // half types have no lerp on every device
      mixed.emplace(name, torch::lerp(from.to(torch::kFloat32), to.to(torch::kFloat32), share).to(type));
    }
  }
  return mixed;
}

void decay_toward_start(const std::vector<torch::Tensor>& parameters, const std::vector<torch::Tensor>& start,
                        double learning_rate, double strength) {
  const double share = learning_rate * strength;
  TORCH_CHECK(share >= 0 && share <= 1, "learning rate ", learning_rate, " times strength ", strength);
  TORCH_CHECK(parameters.size() == start.size(), parameters.size(), " parameters and ", start.size(), " start weights");
  for (std::size_t i = 0; i < parameters.size(); ++i)
    TORCH_CHECK(parameters[i].sizes() == start[i].sizes(), "parameter ", i, ": ", parameters[i].sizes(), ", start ",
                start[i].sizes());
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    torch::Tensor weights = parameters[i];  // shares its numbers
    weights.lerp_(start[i], share);
  }
}

}  // namespace warifu
