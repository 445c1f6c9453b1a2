#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "base/image.h"
#include "nn/clip_settings.h"
#include "nn/tower_output.h"

namespace warifu {

struct ClipImageSizes {
  std::int64_t width = 0, layers = 0, heads = 0;
  std::int64_t patch = 0;  // pixels a side
  std::int64_t grid = 0;   // patches a side
  std::int64_t joint = 0;  // width of the space shared with texts
  Activation activation = Activation::kQuickGelu;
};

// The vision transformer of CLIP with the names of OpenAI's state dict below "visual.".
//
// Source: A. Radford et al., "Learning Transferable Visual Models From Natural Language
// Supervision", ICML 2021.
class ClipImageTowerImpl : public torch::nn::Module {
 public:
  explicit ClipImageTowerImpl(const ClipImageSizes& sizes);

  // pixels [batch, 3, side, side]: (x / 255 - mean) / deviation as clip_normalised() makes them.
  // tokens [batch, grid * grid, joint]: each patch projected like the whole; global [batch, joint],
  // not brought to length 1.
  TowerOutput forward(const torch::Tensor& pixels);

  PictureFormat picture_format() const;
  std::int64_t width() const { return sizes_.joint; }
  std::int64_t grid() const { return sizes_.grid; }

 private:
  ClipImageSizes sizes_;
  torch::Tensor class_embedding_, positional_embedding_, proj_;
  torch::nn::Conv2d conv1_ = nullptr;
  torch::nn::LayerNorm ln_pre_ = nullptr, ln_post_ = nullptr;
  torch::nn::ModuleList blocks_ = nullptr;
};
TORCH_MODULE(ClipImageTower);

// pixels uint8 [batch, 3, H, W] -> float, with the mean and deviation CLIP was trained with.
torch::Tensor clip_normalised(const torch::Tensor& pixels);

// Sizes come from the tensors, the rest from ClipSettings. In eval mode, without gradients.
// kIncompatible: another model (a ResNet CLIP is named as such), or a tensor missing, unexpected or of a
// wrong shape; kBadFormat: numbers that are not finite.
Result<ClipImageTower> load_clip_image_tower(const std::filesystem::path& weights);

}  // namespace warifu
