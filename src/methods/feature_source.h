#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/float_matrix.h"
#include "base/image.h"
#include "codes/code_space.h"
#include "encode/attribution.h"
#include "encode/encoder.h"
#include "encode/tower_spec.h"

namespace warifu {

// The features of one modality, wherever they come from: given with the input, or by a tower from
// the picture or text. Strict: a row depends on its own input alone.
//
// Thread safety: one caller at a time.
class FeatureSource {
 public:
  virtual ~FeatureSource() = default;
  virtual bool encodes_raw() const = 0;
  virtual PictureFormat picture_format() const = 0;

  // [inputs, width()]. kInvalidArgument: an input lacks the modality, or its given feature has another
  // width; kIncompatible: raw content where only given features work. Messages name the position.
  virtual Result<FloatMatrix> features(std::span<const EncoderInput> inputs) const = 0;

  // What the patches of a picture add to the number that `gradient` is of, which is asked from several threads at
  // once. kIncompatible where only given features work; else as FrozenTower::attribute_picture.
  virtual Result<PatchWeights> attribute_picture(const Image& picture, const FeatureGradient& gradient) const = 0;
};

// A source for "given" features or over a frozen tower; `modality` is kImage or kText. kIncompatible
// if the tower's features are not `width` wide; else as load_frozen_tower.
Result<std::unique_ptr<FeatureSource>> open_feature_source(const TowerSpec& tower, Modality modality,
                                                           std::size_t width);

// What the words of a text add to the number that `gradient` is of: what each changes in the row, found by leaving it
// out wherever it stands, counted by the gradient along the path from an empty text (nn/feature_path.h). Of a longer
// text the first kMostWords words are looked at. Errors of FeatureSource::features.
inline constexpr std::size_t kMostWords = 64;
Result<std::vector<WordWeight>> attribute_words(const FeatureSource& source, std::string_view text,
                                                const FeatureGradient& gradient);

// The two checks that every source makes of an input that has no given feature.
Result<void> check_raw_content(const EncoderInput& input, Modality modality, std::size_t position);

}  // namespace warifu
