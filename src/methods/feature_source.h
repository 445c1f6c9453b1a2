#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/error.h"
#include "base/float_matrix.h"
#include "base/image.h"
#include "codes/code_space.h"
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
};

// A source for "given" features or over a frozen tower; `modality` is kImage or kText. kIncompatible
// if the tower's features are not `width` wide; else as load_frozen_tower.
Result<std::unique_ptr<FeatureSource>> open_feature_source(const TowerSpec& tower, Modality modality,
                                                           std::size_t width);

// The two checks that every source makes of an input that has no given feature.
Result<void> check_raw_content(const EncoderInput& input, Modality modality, std::size_t position);

}  // namespace warifu
