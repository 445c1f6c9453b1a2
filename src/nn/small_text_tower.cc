#include "nn/small_text_tower.h"

#include <algorithm>

namespace warifu {

SmallTextTowerImpl::SmallTextTowerImpl(std::int64_t vocabulary_size, std::int64_t width) : width_(width) {
  TORCH_CHECK(vocabulary_size > 0, "an empty vocabulary");
  TORCH_CHECK(width > 0 && width % kSmallHeadWidth == 0, "width ", width, " is no multiple of ", kSmallHeadWidth);
  embedding_ = register_module(
      "embedding", torch::nn::Embedding(torch::nn::EmbeddingOptions(vocabulary_size + 1, width).padding_idx(0)));
  {
    const torch::NoGradGuard no_grad;
    embedding_->weight.mul_(0.05);
  }
  position_ = register_parameter("position", 0.02 * torch::randn({kContext, width}));
  blocks_ = register_module("blocks", torch::nn::ModuleList());
  const TransformerBlockOptions options{width, width / kSmallHeadWidth};
  for (int i = 0; i < 2; ++i) blocks_->push_back(TransformerBlock(options));
  norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
}

TowerOutput SmallTextTowerImpl::forward(const torch::Tensor& ids) {
  TORCH_CHECK(ids.dim() == 2 && ids.size(1) >= 1 && ids.size(1) <= kContext,
              "the small text tower wants ids [batch, 1 … 64], got ", ids.sizes());
  const auto padding = ids == 0;
  const auto mask = padding.to(torch::kFloat32).unsqueeze(1).unsqueeze(1) * kMaskedScore;  // [batch, 1, 1, L]
  auto x = embedding_(ids) + position_.narrow(0, 0, ids.size(1));
  for (const auto& block : *blocks_) x = block->as<TransformerBlock>()->forward(x, mask);
  const auto present = padding.logical_not().to(torch::kFloat32).unsqueeze(-1);  // [batch, L, 1]
  const auto tokens = norm_(x) * present;
  return {tokens, tokens.sum(1) / present.sum(1).clamp_min(1.0), padding};
}

torch::Tensor pieces_to_tensor(std::span<const std::vector<std::int32_t>> ids) {
  std::size_t longest = 1;
  for (const auto& row : ids) longest = std::max(longest, row.size());
  longest = std::min(longest, static_cast<std::size_t>(SmallTextTowerImpl::kContext));
  auto padded =
      torch::zeros({static_cast<std::int64_t>(ids.size()), static_cast<std::int64_t>(longest)}, torch::kInt64);
  auto* out = padded.data_ptr<std::int64_t>();
  for (const auto& row : ids) {
    const std::size_t kept = std::min(row.size(), longest);
    std::transform(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(kept), out,
                   [](std::int32_t id) { return std::int64_t{id} + 1; });
    out += longest;
  }
  return padded;
}

}  // namespace warifu
