#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/image.h"
#include "io/safetensors.h"
#include "nn/tower_output.h"

namespace warifu {

// MobileNetV2 1.0 / 224 as a fixed picture tower: the 7 x 7 places of its last convolution are the
// tokens, their mean is the global feature.
//
// Weights are named as in torchvision (features.0.0.weight …; the classifier may be there and is
// not used). Two facts about them come from the file's metadata and, without it, are torchvision's:
//   padding  "same…": TensorFlow's, stride-2 convolutions pad 0 before and 1 after;  else 1 on both sides
//   input    "…x/127.5-1…": pixels to -1 … 1;  else ImageNet's mean and standard deviation
//
// Thread safety: forward() may run concurrently.
//
// Source: M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen, "MobileNetV2: Inverted Residuals
// and Linear Bottlenecks", CVPR 2018.
class MobilenetV2 {
 public:
  static constexpr std::int64_t kWidth = 1280;

  // Batch norm is folded into the convolutions. kIncompatible, naming the tensor: missing
  // or of another shape; kBadFormat: not finite, or a negative variance.
  static Result<MobilenetV2> load(const std::filesystem::path& weights);
  static Result<MobilenetV2> load(const SafetensorsFile& file);

  static PictureFormat picture_format() { return {224, ImageFit::kStretch, Resampling::kBilinear}; }

  // pixels [batch, 3, 224, 224], uint8 or float in 0 … 255 (other sides >= 32 work as well).
  // tokens [batch, 49, 1280] in rows from the top, global [batch, 1280]. Differentiable where the pixels want it.
  TowerOutput forward(const torch::Tensor& pixels) const;

 private:
  struct Convolution {
    torch::Tensor weight, bias;
    std::int64_t stride = 1;
    std::int64_t groups = 1;
    bool clipped = true;  // to 0 … 6 afterwards
  };
  struct Block {
    std::vector<Convolution> convolutions;
    bool residual = false;
  };
  struct Reader;

  MobilenetV2() = default;
  torch::Tensor apply(const Convolution& convolution, const torch::Tensor& x) const;

  bool same_padding_ = false;
  torch::Tensor mean_, scale_;  // [1, 3, 1, 1] of the input: (pixels - mean) * scale
  std::vector<Block> blocks_;
};

}  // namespace warifu
