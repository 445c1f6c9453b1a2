#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "nn/tensor_io.h"

namespace warifu {

// Keys of past batches as further negatives, so that how many there are does not depend on the batch:
// two rings (picture keys, text keys) with the item of each key and the step it was made at. Keys
// come from slowly moving copies of the encoders, so that old ones still compare with new ones.
//
// Sources: K. He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR
// 2020 (queue and momentum encoder); J. Li et al., "Align before Fuse", NeurIPS 2021 (one queue per
// modality with ids).
//
// Thread safety: none; one owner.
class NegativeBank {
 public:
  // Room for `capacity` >= 0 keys of `width` each.
  NegativeBank(std::int64_t capacity, std::int64_t width);

  std::int64_t capacity() const { return items_.size(0); }
  std::int64_t size() const { return size_; }

  // The keys held, in no particular order: [size(), width] each. Copies; no gradient.
  torch::Tensor image_keys() const { return image_.narrow(0, 0, size_).clone(); }
  torch::Tensor text_keys() const { return text_.narrow(0, 0, size_).clone(); }
  torch::Tensor items() const { return items_.narrow(0, 0, size_).clone(); }  // int64 [size()]

  // How much less an old key counts, to be added to its logits: -(step - made at) / horizon, <= 0.
  torch::Tensor log_age_weights(std::int64_t step, double horizon) const;

  // Takes the keys of one batch, the oldest ones leave. Of a batch above the capacity its last keys stay.
  void enqueue(const torch::Tensor& image, const torch::Tensor& text, const torch::Tensor& items, std::int64_t step);

  // For checkpoints. restore() of what state() gave makes an equal bank; TORCH_CHECK fails if it does not fit.
  NamedTensors state() const;
  void restore(const NamedTensors& state);

 private:
  torch::Tensor image_;  // [capacity, width]
  torch::Tensor text_;
  torch::Tensor items_;  // int64 [capacity]
  torch::Tensor steps_;  // int64 [capacity]
  std::int64_t size_ = 0;
  std::int64_t next_ = 0;
};

}  // namespace warifu
