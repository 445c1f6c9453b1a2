#include "methods/feature_source.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "nn/feature_path.h"
#include "nn/frozen_tower.h"
#include "text/normalize.h"

namespace warifu {
namespace {

class FrozenSource final : public FeatureSource {
 public:
  // tower: nullptr where features are given.
  FrozenSource(std::unique_ptr<FrozenTower> tower, Modality modality, std::size_t width)
      : tower_(std::move(tower)), modality_(modality), width_(width) {}

  bool encodes_raw() const override { return tower_ != nullptr; }
  PictureFormat picture_format() const override {
    return tower_ && modality_ == Modality::kImage ? tower_->picture_format() : PictureFormat{};
  }

  Result<FloatMatrix> features(std::span<const EncoderInput> inputs) const override {
    FloatMatrix result(inputs.size(), width_);
    std::vector<std::size_t> raw;  // positions that the tower must look at
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto given = modality_ == Modality::kImage ? inputs[i].image_features : inputs[i].text_features;
      if (given.empty()) {
        if (auto checked = check_raw_content(inputs[i], modality_, i); !checked)
          return std::unexpected(checked.error());
        raw.push_back(i);
        continue;
      }
      if (given.size() != width_)
        return fail(ErrorCode::kInvalidArgument, "input " + std::to_string(i) + " has " + std::to_string(given.size()) +
                                                     " " + modality_name(modality_) +
                                                     " features; the space was trained on " + std::to_string(width_));
      std::ranges::copy(given, result.row(i).begin());
    }
    if (raw.empty()) return result;
    if (!tower_) return cannot_encode();
    auto encoded = encode_raw(inputs, raw);
    if (!encoded) return std::unexpected(encoded.error());
    for (std::size_t r = 0; r < raw.size(); ++r) std::ranges::copy(encoded->row(r), result.row(raw[r]).begin());
    return result;
  }

  Result<PatchWeights> attribute_picture(const Image& picture, const FeatureGradient& gradient) const override {
    if (!tower_) return cannot_encode();
    return tower_->attribute_picture(picture, gradient);
  }

 private:
  std::unexpected<Error> cannot_encode() const {
    return fail(ErrorCode::kIncompatible,
                std::string("the space was trained on given ") + modality_name(modality_) +
                    " features and cannot encode new content",
                "give the features, or train with a picture and a text encoder");
  }

  Result<FloatMatrix> encode_raw(std::span<const EncoderInput> inputs, std::span<const std::size_t> raw) const {
    if (modality_ == Modality::kImage) {
      std::vector<Image> pictures;
      for (const std::size_t i : raw) pictures.push_back(*inputs[i].picture);
      return tower_->encode_pictures(pictures);
    }
    std::vector<std::string> texts;
    for (const std::size_t i : raw) texts.emplace_back(*inputs[i].text);
    return tower_->encode_texts(texts);
  }

  std::unique_ptr<FrozenTower> tower_;
  Modality modality_;
  std::size_t width_;
};

}  // namespace

Result<std::unique_ptr<FeatureSource>> open_feature_source(const TowerSpec& tower, Modality modality,
                                                           std::size_t width) {
  if (tower.name == "given") return std::make_unique<FrozenSource>(nullptr, modality, width);
  auto frozen = load_frozen_tower(tower, modality);
  if (!frozen) return std::unexpected(frozen.error());
  if ((*frozen)->width() != width)
    return fail(ErrorCode::kIncompatible,
                "tower '" + tower.name + "' gives " + std::to_string((*frozen)->width()) +
                    " features; the space was trained on " + std::to_string(width),
                "train the space again");
  return std::make_unique<FrozenSource>(std::move(*frozen), modality, width);
}

Result<std::vector<WordWeight>> attribute_words(const FeatureSource& source, std::string_view text,
                                                const FeatureGradient& gradient) {
  auto words = locate_words(text);
  if (words.size() > kMostWords) words.resize(kMostWords);
  std::vector<std::string> distinct;
  for (const LocatedWord& word : words)
    if (std::ranges::find(distinct, word.word) == distinct.end()) distinct.push_back(word.word);
  std::vector<std::string> texts = {std::string(text), ""};
  for (const std::string& word : distinct) {
    std::vector<TextRange> places;
    for (const LocatedWord& one : words)
      if (one.word == word) places.push_back({one.begin, one.end});
    texts.push_back(without_ranges(text, places));
  }
  std::vector<EncoderInput> inputs(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) inputs[i].text = texts[i];
  const auto rows = source.features(inputs);
  if (!rows) return std::unexpected(rows.error());
  const auto slope = path_gradient(rows->row(1), rows->row(0), gradient);
  std::vector<WordWeight> weights;
  for (const LocatedWord& word : words) {
    const auto at = static_cast<std::size_t>(std::ranges::find(distinct, word.word) - distinct.begin());
    weights.push_back({word.begin, word.end, change_along(slope, rows->row(2 + at), rows->row(0))});
  }
  return weights;
}

Result<void> check_raw_content(const EncoderInput& input, Modality modality, std::size_t position) {
  if (modality == Modality::kImage ? input.picture != nullptr : input.text.has_value()) return {};
  return fail(ErrorCode::kInvalidArgument,
              "input " + std::to_string(position) + " has no " + (modality == Modality::kImage ? "picture" : "text"));
}

}  // namespace warifu
