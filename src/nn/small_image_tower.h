#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/image.h"
#include "nn/tower_output.h"
#include "nn/transformer_block.h"

namespace warifu {

// A picture tower small enough to be learnt from nothing on two CPU cores (about 0.9 million
// parameters): four convolutions of stride 2 cut a 96 x 96 picture into 6 x 6 tokens, two transformer
// blocks let them see each other. Group and layer norm only: batch norm would let neighbours in.
//
// Thread safety: forward() in eval mode may run concurrently.
class SmallImageTowerImpl : public torch::nn::Module {
 public:
  explicit SmallImageTowerImpl(std::int64_t width = 160);  // a multiple of 32

  static PictureFormat picture_format() { return {96, ImageFit::kLetterbox, Resampling::kBilinear}; }

  // pixels [batch, 3, 96, 96], uint8 or float in 0 … 255; they are normalised here.
  // tokens [batch, 36, width] in rows from the top; global [batch, width].
  TowerOutput forward(const torch::Tensor& pixels);

  std::int64_t width() const { return width_; }

 private:
  std::int64_t width_;
  torch::nn::Sequential stem_ = nullptr;
  torch::Tensor position_;  // [1, 36, width]
  torch::nn::ModuleList blocks_ = nullptr;
  torch::nn::LayerNorm norm_ = nullptr;
};
TORCH_MODULE(SmallImageTower);

// uint8 [batch, 3, S, S] of pictures that all have S x S pixels (asserted).
torch::Tensor pictures_to_tensor(std::span<const Image> pictures);

}  // namespace warifu
