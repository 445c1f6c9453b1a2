#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/float_matrix.h"
#include "base/image.h"
#include "codes/code_space.h"
#include "encode/attribution.h"
#include "encode/tower_spec.h"

namespace warifu {

// A tower that is a fixed function: raw content in, one global feature a row out, followed by those of its parts
// where the spec asks for them. Strict: a row depends on its own input alone. No tensor in sight, so that engine/ can
// fill the feature cache.
//
// Thread safety: one caller at a time (it uses thread_count() threads inside).
class FrozenTower {
 public:
  virtual ~FrozenTower() = default;
  virtual std::string fingerprint() const = 0;       // of name, version of the code, weights, vocabulary and parts
  virtual std::size_t width() const = 0;             // of a row, parts among it
  virtual PictureFormat picture_format() const = 0;  // meaningful for picture towers
  virtual Result<FloatMatrix> encode_pictures(std::span<const Image> pictures) const = 0;
  virtual Result<FloatMatrix> encode_texts(std::span<const std::string> texts) const = 0;

  // What the patches of a picture add to the number that `gradient` is of. Towers with weights carry it back to the
  // pixels (nn/patch_gradient.h); "classic" has no gradient: there what a patch changes in the row is measured by
  // blanking it, and counted by the gradient of the row. kInvalidArgument of a text tower.
  virtual Result<PatchWeights> attribute_picture(const Image& picture, const FeatureGradient& gradient) const = 0;
};

// "classic", "mobilenet_v2", "clip" for Modality::kImage; "bow", "hashed", "clip" for Modality::kText.
// kNotFound: no such tower (the hint lists them); kInvalidArgument: weights or vocabulary missing, or a number of parts
// that is out of range or, of pictures, no square; kBadFormat
// or kIncompatible: the file is not one of that tower's, with the tensor that is wrong.
Result<std::unique_ptr<FrozenTower>> load_frozen_tower(const TowerSpec& spec, Modality modality);

// Whether `name` is learnt together with the method ("small").
bool is_trained_tower(std::string_view name);

}  // namespace warifu
