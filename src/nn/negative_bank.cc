#include "nn/negative_bank.h"

#include <algorithm>

namespace warifu {

NegativeBank::NegativeBank(std::int64_t capacity, std::int64_t width)
    : image_(torch::zeros({capacity, width})),
      text_(torch::zeros({capacity, width})),
      items_(torch::zeros({capacity}, torch::kInt64)),
      steps_(torch::zeros({capacity}, torch::kInt64)) {}

torch::Tensor NegativeBank::log_age_weights(std::int64_t step, double horizon) const {
  TORCH_CHECK(horizon > 0, "horizon ", horizon);
  return (steps_.narrow(0, 0, size_) - step).to(torch::kFloat32) / horizon;
}

void NegativeBank::enqueue(const torch::Tensor& image, const torch::Tensor& text, const torch::Tensor& items,
                           std::int64_t step) {
  TORCH_CHECK(image.sizes() == text.sizes() && image.size(0) == items.size(0) && image.size(1) == image_.size(1),
              "keys ", image.sizes(), " and ", text.sizes(), " of ", items.size(0), " items");
  const std::int64_t kept = std::min(image.size(0), capacity());
  if (kept == 0) return;
  const torch::NoGradGuard no_grad;
  const std::int64_t first = image.size(0) - kept;
  const auto places = torch::remainder(torch::arange(next_, next_ + kept, torch::kInt64), capacity());
  image_.index_copy_(0, places, image.narrow(0, first, kept).detach());
  text_.index_copy_(0, places, text.narrow(0, first, kept).detach());
  items_.index_copy_(0, places, items.narrow(0, first, kept));
  steps_.index_fill_(0, places, step);
  next_ = (next_ + kept) % capacity();
  size_ = std::min(capacity(), size_ + kept);
}

NamedTensors NegativeBank::state() const {
  return {{"image", image_.clone()},
          {"text", text_.clone()},
          {"items", items_.clone()},
          {"steps", steps_.clone()},
          {"position", torch::tensor({size_, next_}, torch::kInt64)}};
}

void NegativeBank::restore(const NamedTensors& state) {
  const auto take = [&](const char* name, torch::Tensor& into) {
    const auto found = state.find(name);
    TORCH_CHECK(found != state.end() && found->second.sizes() == into.sizes(), "bank tensor '", name, "' does not fit");
    into.copy_(found->second);
  };
  auto position = torch::zeros({2}, torch::kInt64);
  take("position", position);
  const auto size = position[0].item<std::int64_t>();
  const auto next = position[1].item<std::int64_t>();
  TORCH_CHECK(size >= 0 && size <= capacity() && next >= 0 && next <= std::max<std::int64_t>(capacity() - 1, 0),
              "bank positions ", size, ", ", next);
  const torch::NoGradGuard no_grad;
  take("image", image_);
  take("text", text_);
  take("items", items_);
  take("steps", steps_);
  size_ = size;
  next_ = next;
}

}  // namespace warifu
