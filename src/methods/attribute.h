#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/error.h"
#include "encode/attribution.h"
#include "encode/encoder.h"
#include "methods/feature_source.h"

namespace warifu {

// Features of the two halves of one input, or gradients of the same widths; a half that is not looked at is empty.
struct HalfRows {
  std::vector<float> image;
  std::vector<float> text;
};

// What stands between features and the signs of one code length, once forwards ...
struct HeadPass {
  std::vector<float> values;  // [bits]
  // ... and once backwards: the gradient of the sum of the values times `weights` [bits]. Called at most once.
  std::function<HalfRows(std::span<const float> weights)> pull;
};
using Head = std::function<HeadPass(const HalfRows& rows)>;

// Encoder::attribute for an encoder of two sources and a head, which is called from several threads at once.
Result<Attribution> attribute_input(const EncoderInput& input, Modality modality, const FeatureSource& image,
                                    const FeatureSource& text, const Head& head, std::span<const float> towards);

}  // namespace warifu
