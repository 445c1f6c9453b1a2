#include "nn/augment.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace warifu {
namespace {

struct Variation {
  std::int64_t shift_x = 0;
  std::int64_t shift_y = 0;
  bool mirrored = false;
  std::array<std::uint8_t, 256> tone{};  // old value -> new value
};

std::int64_t draw_shift(std::int64_t side, Rng& rng) {
  const std::int64_t reach = side / 12;
  return static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(2 * reach + 1))) - reach;
}

Variation draw_variation(std::int64_t height, std::int64_t width, Rng& rng) {
  Variation variation;
  variation.shift_x = draw_shift(width, rng);
  variation.shift_y = draw_shift(height, rng);
  variation.mirrored = rng.below(2) == 1;
  const double contrast = 0.8 + 0.4 * rng.uniform();
  const double brightness = 0.8 + 0.4 * rng.uniform();
  for (std::size_t value = 0; value < variation.tone.size(); ++value) {
    const double changed = ((static_cast<double>(value) - 127.5) * contrast + 127.5) * brightness;
    variation.tone[value] = static_cast<std::uint8_t>(std::clamp(changed + 0.5, 0.0, 255.0));
  }
  return variation;
}

void apply(const Variation& variation, const std::uint8_t* from, std::uint8_t* to, std::int64_t height,
           std::int64_t width) {
  std::vector<std::int64_t> column(static_cast<std::size_t>(width));
  for (std::int64_t x = 0; x < width; ++x) {
    const std::int64_t source = std::clamp<std::int64_t>(x - variation.shift_x, 0, width - 1);
    column[static_cast<std::size_t>(x)] = variation.mirrored ? width - 1 - source : source;
  }
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    for (std::int64_t y = 0; y < height; ++y) {
      const std::int64_t source = std::clamp<std::int64_t>(y - variation.shift_y, 0, height - 1);
      const std::uint8_t* row = from + (channel * height + source) * width;
      for (const std::int64_t x : column) *to++ = variation.tone[row[x]];
    }
  }
}

}  // namespace

torch::Tensor augment_pictures(const torch::Tensor& pixels, Rng& rng) {
  TORCH_CHECK(pixels.dim() == 4 && pixels.size(1) == 3 && pixels.scalar_type() == torch::kUInt8,
              "augment_pictures wants uint8 [batch, 3, H, W], got ", pixels.sizes());
  const std::int64_t height = pixels.size(2), width = pixels.size(3);
  const auto from = pixels.contiguous();
  auto to = torch::empty_like(from);
  for (std::int64_t i = 0; i < pixels.size(0); ++i) {
    const std::int64_t offset = i * 3 * height * width;
    apply(draw_variation(height, width, rng), from.data_ptr<std::uint8_t>() + offset,
          to.data_ptr<std::uint8_t>() + offset, height, width);
  }
  return to;
}

torch::Tensor drop_pieces(const torch::Tensor& ids, double probability, Rng& rng) {
  TORCH_CHECK(ids.dim() == 2 && ids.scalar_type() == torch::kInt64, "drop_pieces wants int64 [batch, L]");
  TORCH_CHECK(probability >= 0 && probability < 1, "piece dropout ", probability, " is outside [0, 1)");
  auto kept = ids.contiguous().clone();
  const std::int64_t length = ids.size(1);
  for (std::int64_t i = 0; i < ids.size(0); ++i) {
    const std::span<std::int64_t> row(kept.data_ptr<std::int64_t>() + i * length, static_cast<std::size_t>(length));
    const auto pieces = static_cast<std::uint64_t>(std::ranges::count_if(row, [](auto id) { return id != 0; }));
    if (pieces == 0) continue;
    const std::uint64_t spared = rng.below(pieces);
    std::uint64_t seen = 0;
    for (std::int64_t& id : row) {
      if (id == 0) continue;
      const bool drop = rng.uniform() < probability;
      if (drop && seen != spared) id = 0;
      ++seen;
    }
  }
  return kept;
}

}  // namespace warifu
