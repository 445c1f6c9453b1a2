#include "methods/strict_layers.h"

#include <algorithm>
#include <array>
#include <cassert>
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

}  // namespace warifu
