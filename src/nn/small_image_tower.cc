#include "nn/small_image_tower.h"

#include <cassert>
#include <cstring>

namespace warifu {
namespace {

constexpr std::int64_t kSide = 96;
constexpr std::int64_t kTokensPerSide = 6;

// Halves the side of the picture.
void add_stage(torch::nn::Sequential& stem, std::int64_t from, std::int64_t to) {
  stem->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(from, to, 3).stride(2).padding(1).bias(false)));
  stem->push_back(torch::nn::GroupNorm(8, to));
  stem->push_back(torch::nn::ReLU(torch::nn::ReLUOptions(true)));
}

}  // namespace

SmallImageTowerImpl::SmallImageTowerImpl(std::int64_t width) : width_(width) {
  TORCH_CHECK(width > 0 && width % kSmallHeadWidth == 0, "width ", width, " is no multiple of ", kSmallHeadWidth);
  stem_ = torch::nn::Sequential();
  add_stage(stem_, 3, 32);
  add_stage(stem_, 32, 64);
  add_stage(stem_, 64, 128);
  add_stage(stem_, 128, width);
  register_module("stem", stem_);
  position_ = register_parameter("position", 0.02 * torch::randn({1, kTokensPerSide * kTokensPerSide, width}));
  blocks_ = register_module("blocks", torch::nn::ModuleList());
  for (int i = 0; i < 2; ++i)
    blocks_->push_back(TransformerBlock(TransformerBlockOptions{width, width / kSmallHeadWidth}));
  norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
}

TowerOutput SmallImageTowerImpl::forward(const torch::Tensor& pixels) {
  TORCH_CHECK(pixels.dim() == 4 && pixels.size(1) == 3 && pixels.size(2) == kSide && pixels.size(3) == kSide,
              "the small picture tower wants [batch, 3, 96, 96], got ", pixels.sizes());
  const auto normalised = (pixels.to(torch::kFloat32) - 127.5) * (1.0 / 64);
  auto x = stem_->forward(normalised).flatten(2).transpose(1, 2) + position_;  // [batch, 36, width]
  for (const auto& block : *blocks_) x = block->as<TransformerBlock>()->forward(x);
  const auto tokens = norm_(x);
  return {tokens, tokens.mean(1)};
}

torch::Tensor pictures_to_tensor(std::span<const Image> pictures) {
  const std::int64_t side = pictures.empty() ? 0 : pictures.front().width;
  const auto bytes = static_cast<std::size_t>(side * side * 3);
  auto rows = torch::empty({static_cast<std::int64_t>(pictures.size()), side, side, 3}, torch::kUInt8);
  auto* out = rows.data_ptr<std::uint8_t>();
  for (const Image& picture : pictures) {
    assert(picture.width == side && picture.height == side && picture.rgb.size() == bytes &&
           "pictures are brought to the tower's size first");
    std::memcpy(out, picture.rgb.data(), bytes);
    out += bytes;
  }
  return rows.permute({0, 3, 1, 2}).contiguous();
}

}  // namespace warifu
