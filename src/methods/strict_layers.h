#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/float_matrix.h"

namespace warifu {

// The multi-layer map from a feature to the real values whose signs are the bits, as plain loops:
//
//   h = (x - mean) * scale, cut to [-limit, limit];  for each layer  h = W h + b, max(0, ·) between layers
//
// Every sum adds in ascending order of the input and no product is fused, whatever the number of
// rows: so a row's result does not depend on its neighbours, which a matrix product of a BLAS does
// not promise.
class StrictLayers {
 public:
  struct Layer {
    FloatMatrix weights;      // [inputs, outputs]
    std::vector<float> bias;  // [outputs]
  };

  // mean and scale [inputs of the first layer]; the widths of neighbouring layers agree (asserted).
  StrictLayers(std::vector<float> mean, std::vector<float> scale, float limit, std::vector<Layer> layers);

  std::size_t inputs() const { return mean_.size(); }
  std::size_t outputs() const { return layers_.back().bias.size(); }

  // [rows, inputs()] -> [rows, outputs()]; uses parallel_for.
  FloatMatrix apply(const FloatMatrix& features) const;

  // The gradient, at one row [inputs()], of the sum of the outputs times `weights` [outputs()].
  std::vector<float> gradient(std::span<const float> features, std::span<const float> weights) const;

 private:
  std::vector<float> mean_;
  std::vector<float> scale_;
  float limit_;
  std::vector<Layer> layers_;
};

}  // namespace warifu
