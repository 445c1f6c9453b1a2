#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "nn/clip_settings.h"
#include "nn/tower_output.h"

namespace warifu {

struct ClipTextSizes {
  std::int64_t width = 0, layers = 0, heads = 0;
  std::int64_t vocabulary = 0;
  std::int64_t context = 0;  // ids of a text
  std::int64_t joint = 0;    // width of the space shared with pictures
  Activation activation = Activation::kQuickGelu;
};

// The text transformer of CLIP with the names of OpenAI's state dict.
//
// Source: as clip_image_tower.h.
class ClipTextTowerImpl : public torch::nn::Module {
 public:
  explicit ClipTextTowerImpl(const ClipTextSizes& sizes);

  // ids int64 [batch, L], L <= context(): pad_clip_tokens (text/tokenizer.h) makes them. The end token has
  // the largest id, and a place sees only those before it, so padding behind it counts for nothing.
  // tokens [batch, L, joint], global [batch, joint] (at the end token, not brought to length 1),
  // padding: what lies behind the end token.
  TowerOutput forward(const torch::Tensor& ids);

  std::int64_t context() const { return sizes_.context; }
  std::int64_t vocabulary_size() const { return sizes_.vocabulary; }
  std::int64_t width() const { return sizes_.joint; }

 private:
  ClipTextSizes sizes_;
  torch::Tensor positional_embedding_, text_projection_;
  torch::nn::Embedding token_embedding_ = nullptr;
  torch::nn::LayerNorm ln_final_ = nullptr;
  torch::nn::ModuleList blocks_ = nullptr;
};
TORCH_MODULE(ClipTextTower);

// As load_clip_image_tower, for the texts of the same file.
Result<ClipTextTower> load_clip_text_tower(const std::filesystem::path& weights);

}  // namespace warifu
