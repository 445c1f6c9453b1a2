#include "methods/strict_layers.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <span>
#include <utility>

#include "base/parallel.h"

namespace warifu {
namespace {

// Rows that share one pass over the weights: they are read from memory once for all of them.
constexpr std::size_t kTile = 8;

// out[r] = bias + sum over k of in[r][k] * weights[k], for `rows` <= kTile rows.
void apply_layer(const StrictLayers::Layer& layer, std::span<const float> in, std::size_t rows, std::span<float> out) {
  const std::size_t width = layer.bias.size();
  const std::size_t inputs = layer.weights.rows();
  for (std::size_t r = 0; r < rows; ++r)
    std::ranges::copy(layer.bias, out.begin() + static_cast<std::ptrdiff_t>(r * width));
  for (std::size_t k = 0; k < inputs; ++k) {
    const float* weights = layer.weights.row(k).data();
    for (std::size_t r = 0; r < rows; ++r) {
      const float value = in[r * inputs + k];
      if (value == 0) continue;  // half of them after max(0, ·); adding 0 * w changes no sum
      float* sums = out.data() + r * width;
      for (std::size_t j = 0; j < width; ++j) sums[j] += value * weights[j];
    }
  }
}

}  // namespace

StrictLayers::StrictLayers(std::vector<float> mean, std::vector<float> scale, float limit, std::vector<Layer> layers)
    : mean_(std::move(mean)), scale_(std::move(scale)), limit_(limit), layers_(std::move(layers)) {
  assert(!layers_.empty() && mean_.size() == scale_.size() && "one mean and one scale for each input");
  [[maybe_unused]] std::size_t width = mean_.size();
  for (const Layer& layer : layers_) {
    assert(layer.weights.rows() == width && layer.weights.cols() == layer.bias.size() && "neighbouring layers fit");
    width = layer.bias.size();
  }
}

FloatMatrix StrictLayers::apply(const FloatMatrix& features) const {
  assert((features.rows() == 0 || features.cols() == inputs()) && "features of the width the layers were made for");
  FloatMatrix result(features.rows(), outputs());
  std::size_t widest = inputs();
  for (const Layer& layer : layers_) widest = std::max(widest, layer.bias.size());
  parallel_for(features.rows(), kTile, [&](std::size_t begin, std::size_t end) {
    std::vector<float> from(kTile * widest);
    std::vector<float> to(kTile * widest);
    for (std::size_t start = begin; start < end; start += kTile) {
      const std::size_t rows = std::min(kTile, end - start);
      for (std::size_t r = 0; r < rows; ++r) {
        const auto row = features.row(start + r);
        for (std::size_t k = 0; k < row.size(); ++k)
          from[r * row.size() + k] = std::clamp((row[k] - mean_[k]) * scale_[k], -limit_, limit_);
      }
      for (std::size_t l = 0; l < layers_.size(); ++l) {
        if (l > 0)
          for (float& value : from) value = std::max(value, 0.0F);
        apply_layer(layers_[l], from, rows, to);
        std::swap(from, to);
      }
      std::copy_n(from.begin(), rows * outputs(), result.row(start).begin());
    }
  });
  return result;
}

std::vector<float> StrictLayers::gradient(std::span<const float> features, std::span<const float> weights) const {
  assert(features.size() == inputs() && weights.size() == outputs() && "one row, and one weight for each output");
  std::vector<std::vector<float>> into(layers_.size());  // of each layer
  into[0].resize(features.size());
  for (std::size_t k = 0; k < features.size(); ++k)
    into[0][k] = std::clamp((features[k] - mean_[k]) * scale_[k], -limit_, limit_);
  for (std::size_t l = 1; l < layers_.size(); ++l) {
    into[l].resize(layers_[l - 1].bias.size());
    apply_layer(layers_[l - 1], into[l - 1], 1, into[l]);
    for (float& value : into[l]) value = std::max(value, 0.0F);
  }
  std::vector<float> slope(weights.begin(), weights.end());
  for (std::size_t l = layers_.size(); l-- > 0;) {
    const FloatMatrix& layer = layers_[l].weights;
    std::vector<float> before(layer.rows());
    for (std::size_t k = 0; k < layer.rows(); ++k) {
      if (l > 0 && into[l][k] == 0) continue;  // the other side of max(0, ·)
      const auto row = layer.row(k);
      double sum = 0;
      for (std::size_t j = 0; j < row.size(); ++j) sum += double{row[j]} * double{slope[j]};
      before[k] = static_cast<float>(sum);
    }
    slope = std::move(before);
  }
  for (std::size_t k = 0; k < slope.size(); ++k) {
    const bool cut = std::abs((features[k] - mean_[k]) * scale_[k]) > limit_;
    slope[k] = cut ? 0 : slope[k] * scale_[k];
  }
  return slope;
}

}  // namespace warifu
