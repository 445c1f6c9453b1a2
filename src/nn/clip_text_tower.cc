#include "nn/clip_text_tower.h"

#include <array>
#include <string>

#include "nn/tensor_io.h"

namespace warifu {
namespace {

// What else lies in OpenAI's files: the other tower, the temperature, and numbers of the exporter.
constexpr std::array<std::string_view, 5> kNotOfTexts = {"visual.", "logit_scale", "input_resolution", "context_length",
                                                         "vocab_size"};

Result<ClipTextSizes> read_text_sizes(const std::filesystem::path& weights, const SafetensorsFile& file) {
  const auto embedding = clip_shape(file, "token_embedding.weight", 2);
  if (!embedding) return Fail(embedding.error());
  const auto positions = clip_shape(file, "positional_embedding", 2);
  if (!positions) return Fail(positions.error());
  const auto projection = clip_shape(file, "text_projection", 2);
  if (!projection) return Fail(projection.error());
  ClipTextSizes sizes;
  sizes.vocabulary = (*embedding)[0];
  sizes.width = (*embedding)[1];
  sizes.context = (*positions)[0];
  sizes.joint = (*projection)[1];
  // Nothing is allocated that the file does not hold.
  if ((*positions)[1] != sizes.width || (*projection)[0] != sizes.width) {
    return fail(ErrorCode::kIncompatible,
                "tensors 'positional_embedding' and 'text_projection': not of width " + std::to_string(sizes.width));
  }
  constexpr std::int64_t kMaxContext = 4096;
  if (sizes.context > kMaxContext) {
    return fail(ErrorCode::kIncompatible,
                "tensor 'positional_embedding': " + std::to_string(sizes.context) + " places are too many");
  }
  const auto layers = clip_layers(file, "", sizes.width);
  if (!layers) return Fail(layers.error());
  const auto settings = read_clip_settings(weights, file);
  if (!settings) return Fail(settings.error());
  const auto heads = clip_heads(settings->text_heads, sizes.width);
  if (!heads) return Fail(heads.error());
  sizes.layers = *layers;
  sizes.heads = *heads;
  sizes.activation = settings->activation;
  return sizes;
}

}  // namespace

ClipTextTowerImpl::ClipTextTowerImpl(const ClipTextSizes& sizes) : sizes_(sizes) {
  const std::int64_t width = sizes.width;
  positional_embedding_ = register_parameter("positional_embedding", torch::zeros({sizes.context, width}));
  text_projection_ = register_parameter("text_projection", torch::zeros({width, sizes.joint}));
  token_embedding_ = register_module("token_embedding", torch::nn::Embedding(sizes.vocabulary, width));
  ln_final_ = register_module("ln_final", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
  blocks_ = torch::nn::ModuleList();
  for (std::int64_t i = 0; i < sizes.layers; ++i) {
    blocks_->push_back(TransformerBlock(TransformerBlockOptions{width, sizes.heads, sizes.activation}));
  }
  auto transformer = register_module("transformer", std::make_shared<torch::nn::Module>());
  transformer->register_module("resblocks", blocks_);
}

TowerOutput ClipTextTowerImpl::forward(const torch::Tensor& ids) {
  const std::int64_t length = ids.size(1);
  TORCH_CHECK(length >= 1 && length <= sizes_.context, "a text of ", length, " ids; the context is ", sizes_.context);
  const auto later = torch::ones({length, length}, ids.options().dtype(torch::kFloat32)).triu(1) * kMaskedScore;
  auto x = token_embedding_(ids) + positional_embedding_.narrow(0, 0, length);
  for (const auto& block : *blocks_) x = block->as<TransformerBlock>()->forward(x, later);
  const auto tokens = torch::matmul(ln_final_(x), text_projection_);
  const auto end = ids.argmax(1);  // [batch]
  const auto global = tokens.gather(1, end.view({-1, 1, 1}).expand({-1, 1, sizes_.joint})).squeeze(1);
  const auto padding = torch::arange(length, ids.options()).unsqueeze(0) > end.unsqueeze(1);
  return {tokens * padding.logical_not().unsqueeze(-1), global, padding};
}

Result<ClipTextTower> load_clip_text_tower(const std::filesystem::path& weights) {
  const auto file = open_safetensors(weights);
  if (!file) return Fail(file.error());
  const auto sizes = read_text_sizes(weights, **file);
  if (!sizes) return with_context(weights.string(), sizes.error());
  ClipTextTower tower(*sizes);
  if (auto loaded = load_module(**file, *tower, "", kNotOfTexts); !loaded) {
    return with_context(weights.string(), loaded.error());
  }
  tower->eval();
  for (auto& parameter : tower->parameters()) parameter.set_requires_grad(false);
  return tower;
}

}  // namespace warifu
