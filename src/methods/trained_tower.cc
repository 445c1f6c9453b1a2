#include "methods/trained_tower.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/image_file.h"
#include "nn/patch_gradient.h"
#include "nn/single_threaded_tensors.h"
#include "nn/small_image_tower.h"
#include "nn/small_text_tower.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

Result<void> refuse_features(std::span<const float> features, Modality modality, std::size_t position) {
  if (features.empty()) return {};
  return fail(ErrorCode::kInvalidArgument, "input " + std::to_string(position) + " has " + modality_name(modality) +
                                               " features; the space's own tower reads the content itself");
}

// Rows by `row_of(i)`, each computed alone. The first error in input order wins.
template <typename RowOf>
Result<FloatMatrix> one_by_one(std::size_t count, std::size_t width, const RowOf& row_of) {
  FloatMatrix rows(count, width);
  std::vector<std::optional<Error>> errors(count);
  for_each_alone(count, [&](std::size_t i) {
    Result<torch::Tensor> row = row_of(i);
    if (!row) {
      errors[i] = row.error();
      return;
    }
    const auto values = row->contiguous();
    std::copy_n(values.template data_ptr<float>(), width, rows.row(i).begin());
  });
  for (const auto& error : errors)
    if (error) return std::unexpected(*error);
  return rows;
}

// Before a tower of a width that model.json states is allocated: the file must hold one of that width.
Result<void> check_width(const SafetensorsFile& file, std::string_view prefix, std::size_t width) {
  const std::string name = std::string(prefix) + "blocks.0.attn.in_proj_weight";
  const auto found = file.tensors().find(name);
  const auto size = static_cast<std::int64_t>(width);
  if (found != file.tensors().end() && found->second.shape == std::vector<std::int64_t>{3 * size, size}) return {};
  return fail(ErrorCode::kIncompatible, "tensor '" + name + "': missing or not of width " + std::to_string(width),
              "restore the space's directory, or train the space again");
}

class PictureTowerSource final : public FeatureSource {
 public:
  PictureTowerSource(SmallImageTower tower, std::size_t width) : tower_(std::move(tower)), width_(width) {}

  bool encodes_raw() const override { return true; }
  PictureFormat picture_format() const override { return SmallImageTowerImpl::picture_format(); }

  Result<FloatMatrix> features(std::span<const EncoderInput> inputs) const override {
    return one_by_one(inputs.size(), width_, [&](std::size_t i) -> Result<torch::Tensor> {
      if (auto fine = refuse_features(inputs[i].image_features, Modality::kImage, i); !fine)
        return std::unexpected(fine.error());
      if (auto fine = check_raw_content(inputs[i], Modality::kImage, i); !fine) return std::unexpected(fine.error());
      const auto fitted = fit_image(*inputs[i].picture, picture_format());
      if (!fitted) return with_context("input " + std::to_string(i), fitted.error());
      auto tower = tower_;
      return tower->forward(pictures_to_tensor({&*fitted, 1})).global;
    });
  }

  Result<PatchWeights> attribute_picture(const Image& picture, const FeatureGradient& gradient) const override {
    const auto fitted = fit_image(picture, picture_format());
    if (!fitted) return std::unexpected(fitted.error());
    constexpr std::int64_t kTokensPerSide = 6;
    return patch_gradients(
        *fitted, kTokensPerSide,
        [this](const torch::Tensor& pixels) {
          auto tower = tower_;
          return tower->forward(pixels).global.squeeze(0);
        },
        gradient);
  }

 private:
  SmallImageTower tower_;
  std::size_t width_;
};

class TextTowerSource final : public FeatureSource {
 public:
  TextTowerSource(SmallTextTower tower, std::unique_ptr<Tokenizer> tokenizer, std::size_t width)
      : tower_(std::move(tower)), tokenizer_(std::move(tokenizer)), width_(width) {}

  bool encodes_raw() const override { return true; }
  PictureFormat picture_format() const override { return {}; }

  Result<FloatMatrix> features(std::span<const EncoderInput> inputs) const override {
    return one_by_one(inputs.size(), width_, [&](std::size_t i) -> Result<torch::Tensor> {
      if (auto fine = refuse_features(inputs[i].text_features, Modality::kText, i); !fine)
        return std::unexpected(fine.error());
      if (auto fine = check_raw_content(inputs[i], Modality::kText, i); !fine) return std::unexpected(fine.error());
      const std::vector<std::int32_t> ids = tokenizer_->encode(*inputs[i].text);
      auto tower = tower_;
      return tower->forward(pieces_to_tensor({&ids, 1})).global;
    });
  }

  Result<PatchWeights> attribute_picture(const Image&, const FeatureGradient&) const override {
    return fail(ErrorCode::kInvalidArgument, "a tower of texts has no patches");
  }

 private:
  SmallTextTower tower_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::size_t width_;
};

Result<std::unique_ptr<FeatureSource>> open_picture_tower(const SafetensorsFile& file, std::string_view prefix,
                                                          std::size_t width) {
  if (auto checked = check_width(file, prefix, width); !checked) return std::unexpected(checked.error());
  SmallImageTower tower(static_cast<std::int64_t>(width));
  if (auto loaded = load_module(file, *tower, prefix); !loaded) return std::unexpected(loaded.error());
  tower->eval();
  return std::make_unique<PictureTowerSource>(tower, width);
}

Result<std::unique_ptr<FeatureSource>> open_text_tower(const SafetensorsFile& file, std::string_view prefix,
                                                       std::size_t width, const std::filesystem::path& vocabulary) {
  auto tokenizer = load_sentencepiece(vocabulary);
  if (!tokenizer) return std::unexpected(tokenizer.error());
  if (auto checked = check_width(file, prefix, width); !checked) return std::unexpected(checked.error());
  SmallTextTower tower(static_cast<std::int64_t>((*tokenizer)->vocabulary_size()), static_cast<std::int64_t>(width));
  if (auto loaded = load_module(file, *tower, prefix); !loaded) return std::unexpected(loaded.error());
  tower->eval();
  return std::make_unique<TextTowerSource>(tower, std::move(*tokenizer), width);
}

}  // namespace

Result<std::unique_ptr<FeatureSource>> open_space_features(const SafetensorsFile& file,
                                                           const std::filesystem::path& directory,
                                                           const SpaceModel& model, Modality modality) {
  const bool image = modality == Modality::kImage;
  const SpaceTower& tower = image ? model.image : model.text;
  const TowerSpec spec = tower_in(directory, tower);
  if (tower.name != "small") return open_feature_source(spec, modality, tower.width);
  return image ? open_picture_tower(file, "image.tower.", tower.width)
               : open_text_tower(file, "text.tower.", tower.width, spec.vocabulary);
}

Result<Standardisation> read_standardisation(const SafetensorsFile& file, const SpaceModel& model, Modality modality) {
  const std::string name = modality_name(modality);
  const auto width = static_cast<std::int64_t>(modality == Modality::kImage ? model.image.width : model.text.width);
  auto mean = read_weight(file, name + ".mean", {width});
  if (!mean) return std::unexpected(mean.error());
  auto scale = read_weight(file, name + ".scale", {width});
  if (!scale) return std::unexpected(scale.error());
  return Standardisation{*std::move(mean), *std::move(scale)};
}

Result<torch::Tensor> StandardisedSource::rows(std::span<const EncoderInput> inputs) const {
  const auto values = features->features(inputs);
  if (!values) return std::unexpected(values.error());
  return stage->standardise(to_tensor(*values));
}

Result<StandardisedSource> load_standardised_source(const SafetensorsFile& file, const std::filesystem::path& directory,
                                                    const SpaceModel& model, Modality modality) {
  StandardisedSource source;
  auto features = open_space_features(file, directory, model, modality);
  if (!features) return std::unexpected(features.error());
  source.features = std::move(*features);
  const auto standardisation = read_standardisation(file, model, modality);
  if (!standardisation) return std::unexpected(standardisation.error());
  source.stage = InputStage(InputSpec{InputSpec::Kind::kFeatures, standardisation->mean.size(0), 0});
  source.stage->set_standardisation(standardisation->mean, standardisation->scale);
  return source;
}

}  // namespace warifu
