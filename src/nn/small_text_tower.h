#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nn/tower_output.h"
#include "nn/transformer_block.h"

namespace warifu {

// A text tower small enough to be learnt from nothing: embedded pieces with learnt positions, two
// transformer blocks, mean of the pieces.
//
// In training, hide pieces of the input with drop_pieces (nn/augment.h): the tower itself draws no random
// numbers, so that its shards can run on several threads.
//
// Padding is masked everywhere, so a row does not depend on how much of it follows (to rounding;
// to the last bit when a row is encoded alone, without padding). A text without pieces gives zeros.
//
// Thread safety: forward() in eval mode may run concurrently.
class SmallTextTowerImpl : public torch::nn::Module {
 public:
  // vocabulary_size as the tokenizer says; width a multiple of 32.
  explicit SmallTextTowerImpl(std::int64_t vocabulary_size, std::int64_t width = 160);

  static constexpr std::int64_t kContext = 64;  // pieces of a text that are looked at

  // ids int64 [batch, L], 1 <= L <= kContext, as pieces_to_tensor makes them: 0 is padding.
  // tokens [batch, L, width], global [batch, width], padding [batch, L].
  TowerOutput forward(const torch::Tensor& ids);

  std::int64_t width() const { return width_; }

 private:
  std::int64_t width_;
  torch::nn::Embedding embedding_ = nullptr;
  torch::Tensor position_;  // [kContext, width]
  torch::nn::ModuleList blocks_ = nullptr;
  torch::nn::LayerNorm norm_ = nullptr;
};
TORCH_MODULE(SmallTextTower);

// Tokenizer ids plus one, so that 0 is free for padding, cut to kContext: int64 [batch, L] with
// L = the longest row (at least 1).
torch::Tensor pieces_to_tensor(std::span<const std::vector<std::int32_t>> ids);

}  // namespace warifu
