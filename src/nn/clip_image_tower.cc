#include "nn/clip_image_tower.h"

#include <cmath>
#include <string>

#include "nn/tensor_io.h"

namespace warifu {
namespace {

Result<ClipImageSizes> read_image_sizes(const std::filesystem::path& weights, const SafetensorsFile& file) {
  if (file.tensors().contains("visual.layer1.0.conv1.weight") ||
      file.tensors().contains("visual.attnpool.positional_embedding")) {
    return fail(ErrorCode::kIncompatible, "a CLIP with a ResNet picture tower", "take a ViT checkpoint, e.g. ViT-B/32");
  }
  const auto patches = clip_shape(file, "visual.conv1.weight", 4);
  if (!patches) return Fail(patches.error());
  const auto positions = clip_shape(file, "visual.positional_embedding", 2);
  if (!positions) return Fail(positions.error());
  const auto projection = clip_shape(file, "visual.proj", 2);
  if (!projection) return Fail(projection.error());

  ClipImageSizes sizes;
  sizes.width = (*patches)[0];
  sizes.patch = (*patches)[2];
  sizes.grid = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>((*positions)[0] - 1))));
  sizes.joint = (*projection)[1];
  // Nothing is allocated that the file does not hold.
  if ((*patches)[1] != 3 || (*patches)[3] != sizes.patch || (*projection)[0] != sizes.width) {
    return fail(ErrorCode::kIncompatible, "tensors 'visual.conv1.weight' and 'visual.proj': not those of one tower",
                "expected [width, 3, patch, patch] and [width, joint]");
  }
  constexpr std::int64_t kMaxSide = 4096;
  if (sizes.grid < 1 || sizes.grid * sizes.grid + 1 != (*positions)[0] || (*positions)[1] != sizes.width ||
      sizes.patch > kMaxSide || sizes.grid * sizes.patch > kMaxSide) {
    return fail(ErrorCode::kIncompatible, "tensor 'visual.positional_embedding': is not that of a square picture");
  }
  const auto layers = clip_layers(file, "visual.", sizes.width);
  if (!layers) return Fail(layers.error());
  const auto settings = read_clip_settings(weights, file);
  if (!settings) return Fail(settings.error());
  const auto heads = clip_heads(settings->vision_heads, sizes.width);
  if (!heads) return Fail(heads.error());
  sizes.layers = *layers;
  sizes.heads = *heads;
  sizes.activation = settings->activation;
  return sizes;
}

}  // namespace

ClipImageTowerImpl::ClipImageTowerImpl(const ClipImageSizes& sizes) : sizes_(sizes) {
  const std::int64_t width = sizes.width;
  const torch::nn::LayerNormOptions norm({width});
  class_embedding_ = register_parameter("class_embedding", torch::zeros({width}));
  positional_embedding_ =
      register_parameter("positional_embedding", torch::zeros({sizes.grid * sizes.grid + 1, width}));
  proj_ = register_parameter("proj", torch::zeros({width, sizes.joint}));
  conv1_ = register_module(
      "conv1", torch::nn::Conv2d(torch::nn::Conv2dOptions(3, width, sizes.patch).stride(sizes.patch).bias(false)));
  ln_pre_ = register_module("ln_pre", torch::nn::LayerNorm(norm));
  ln_post_ = register_module("ln_post", torch::nn::LayerNorm(norm));
  blocks_ = torch::nn::ModuleList();
  for (std::int64_t i = 0; i < sizes.layers; ++i) {
    blocks_->push_back(TransformerBlock(TransformerBlockOptions{width, sizes.heads, sizes.activation}));
  }
  auto transformer = register_module("transformer", std::make_shared<torch::nn::Module>());
  transformer->register_module("resblocks", blocks_);
}

TowerOutput ClipImageTowerImpl::forward(const torch::Tensor& pixels) {
  const auto patches = conv1_(pixels).flatten(2).transpose(1, 2);  // [batch, grid * grid, width]
  const auto whole = class_embedding_.expand({pixels.size(0), 1, sizes_.width});
  auto x = ln_pre_(torch::cat({whole, patches}, 1) + positional_embedding_);
  for (const auto& block : *blocks_) x = block->as<TransformerBlock>()->forward(x);
  const auto joint = torch::matmul(ln_post_(x), proj_);
  return {joint.narrow(1, 1, joint.size(1) - 1), joint.select(1, 0)};
}

PictureFormat ClipImageTowerImpl::picture_format() const {
  return {static_cast<int>(sizes_.grid * sizes_.patch), ImageFit::kCenterCrop, Resampling::kBicubic};
}

torch::Tensor clip_normalised(const torch::Tensor& pixels) {
  const auto per_channel = [&](float red, float green, float blue) {
    return torch::tensor({red, green, blue}).view({1, 3, 1, 1}).to(pixels.device());
  };
  const auto mean = per_channel(0.48145466F, 0.4578275F, 0.40821073F);
  const auto deviation = per_channel(0.26862954F, 0.26130258F, 0.27577711F);
  return (pixels.to(torch::kFloat32) / 255 - mean) / deviation;
}

Result<ClipImageTower> load_clip_image_tower(const std::filesystem::path& weights) {
  const auto file = open_safetensors(weights);
  if (!file) return Fail(file.error());
  const auto sizes = read_image_sizes(weights, **file);
  if (!sizes) return with_context(weights.string(), sizes.error());
  ClipImageTower tower(*sizes);
  if (auto loaded = load_module(**file, *tower, "visual."); !loaded) {
    return with_context(weights.string(), loaded.error());
  }
  tower->eval();
  for (auto& parameter : tower->parameters()) parameter.set_requires_grad(false);
  return tower;
}

}  // namespace warifu
