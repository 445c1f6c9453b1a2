#include "nn/classic_image.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace warifu {
namespace {

constexpr int kSide = kClassicSide;
constexpr int kCells = 8;
constexpr int kCellSide = kSide / kCells;
constexpr int kOrientations = 9;
constexpr int kHues = 12, kBrightnesses = 3, kGreys = 5;
constexpr std::size_t kRegionWidth = kHues * kBrightnesses + kGreys;

std::size_t place(int index) { return static_cast<std::size_t>(index); }

const std::uint8_t* pixel(const Image& picture, int x, int y) { return &picture.rgb[place((y * kSide + x) * 3)]; }

void bring_to_length_one(std::span<float> values) {
  double squares = 0;
  for (const float value : values) squares += double{value} * value;
  if (squares <= 0) return;
  const auto scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& value : values) value *= scale;
}

// ---- gradients ----

struct Gradient {
  float magnitude = 0;
  float angle = 0;  // of the line, not its direction: in [0, pi)
};

// Square roots even out contrast between dark and light parts.
const std::array<float, 256>& square_roots() {
  static const auto table = [] {
    std::array<float, 256> roots{};
    for (std::size_t i = 0; i < roots.size(); ++i) roots[i] = std::sqrt(static_cast<float>(i) / 255);
    return roots;
  }();
  return table;
}

// Of the colour channel with the strongest change; the picture's edge counts as continued.
Gradient gradient_at(const Image& picture, int x, int y) {
  const auto& root = square_roots();
  const auto* left = pixel(picture, std::max(x - 1, 0), y);
  const auto* right = pixel(picture, std::min(x + 1, kSide - 1), y);
  const auto* above = pixel(picture, x, std::max(y - 1, 0));
  const auto* below = pixel(picture, x, std::min(y + 1, kSide - 1));
  float best_x = 0, best_y = 0, best = 0;
  for (int c = 0; c < 3; ++c) {
    const float dx = root[right[c]] - root[left[c]], dy = root[below[c]] - root[above[c]];
    if (dx * dx + dy * dy > best) {
      best = dx * dx + dy * dy;
      best_x = dx;
      best_y = dy;
    }
  }
  if (best == 0) return {};
  constexpr auto kPi = std::numbers::pi_v<float>;
  float angle = std::atan2(best_y, best_x);
  if (angle < 0) angle += kPi;
  if (angle >= kPi) angle -= kPi;
  return {std::sqrt(best), angle};
}

using CellHistograms = std::array<std::array<float, kOrientations>, kCells * kCells>;

// Shares one gradient among the four nearest cells and the two nearest orientations.
void vote(CellHistograms& cells, int x, int y, const Gradient& gradient) {
  const float column = (static_cast<float>(x) + 0.5F) / kCellSide - 0.5F;
  const float row = (static_cast<float>(y) + 0.5F) / kCellSide - 0.5F;
  const float turn = gradient.angle / std::numbers::pi_v<float> * kOrientations;
  const int column0 = static_cast<int>(std::floor(column)), row0 = static_cast<int>(std::floor(row));
  const int turn0 = std::min(static_cast<int>(turn), kOrientations - 1);
  const float turn_share = turn - static_cast<float>(turn0);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      const int r = row0 + i, c = column0 + j;
      if (r < 0 || r >= kCells || c < 0 || c >= kCells) continue;
      const float share = gradient.magnitude * (1 - std::abs(row - static_cast<float>(r))) *
                          (1 - std::abs(column - static_cast<float>(c)));
      auto& cell = cells[place(r * kCells + c)];
      cell[place(turn0)] += share * (1 - turn_share);
      cell[place((turn0 + 1) % kOrientations)] += share * turn_share;
    }
  }
}

// Energy of the up to 3 x 3 cells around one.
float energy_around(const std::array<float, kCells * kCells>& energy, int row, int column) {
  float sum = 0;
  for (int r = std::max(row - 1, 0); r <= std::min(row + 1, kCells - 1); ++r) {
    for (int c = std::max(column - 1, 0); c <= std::min(column + 1, kCells - 1); ++c) {
      sum += energy[place(r * kCells + c)];
    }
  }
  return sum;
}

void describe_gradients(const Image& picture, std::span<float> out) {
  CellHistograms cells{};
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const Gradient gradient = gradient_at(picture, x, y);
      if (gradient.magnitude > 0) vote(cells, x, y, gradient);
    }
  }
  std::array<float, kCells * kCells> energy{};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    for (const float value : cells[i]) energy[i] += value * value;
  }
  constexpr float kQuiet = 0.5F;  // keeps noise in flat parts from being blown up
  constexpr float kLoudest = 0.4F;
  auto* next = out.data();
  for (int row = 0; row < kCells; ++row) {
    for (int column = 0; column < kCells; ++column) {
      const float length = std::sqrt(energy_around(energy, row, column) + kQuiet);
      for (const float value : cells[place(row * kCells + column)]) *next++ = std::min(value / length, kLoudest);
    }
  }
  bring_to_length_one(out);
}

// ---- colours ----

// Shares a pixel between the hues next to its own (by its saturation) and a grey (the rest).
void add_colour(const std::uint8_t* rgb, std::span<float> histogram) {
  const float red = rgb[0], green = rgb[1], blue = rgb[2];
  const float brightest = std::max({red, green, blue}), darkest = std::min({red, green, blue});
  const float range = brightest - darkest;
  const float saturation = brightest > 0 ? range / brightest : 0;
  const int grey = std::min(static_cast<int>(brightest / 256 * kGreys), kGreys - 1);
  // Dark pixels have a hue only in name.
  const float colourful = saturation * std::min(brightest / 64, 1.0F);
  histogram[place(kHues * kBrightnesses + grey)] += 1 - colourful;
  if (range <= 0) return;
  float hue = 0;  // in sixths of the circle
  if (brightest == red) {
    hue = (green - blue) / range;
    if (hue < 0) hue += 6;
  } else if (brightest == green) {
    hue = (blue - red) / range + 2;
  } else {
    hue = (red - green) / range + 4;
  }
  const float position = hue * (kHues / 6.0F);
  const int first = static_cast<int>(position) % kHues;
  const float share = position - std::floor(position);
  const int brightness = std::min(static_cast<int>(brightest / 256 * kBrightnesses), kBrightnesses - 1);
  histogram[place(first * kBrightnesses + brightness)] += colourful * (1 - share);
  histogram[place((first + 1) % kHues * kBrightnesses + brightness)] += colourful * share;
}

void describe_colours(const Image& picture, std::span<float> out) {
  std::ranges::fill(out, 0.0F);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const std::size_t quarter = 1 + place((y >= kSide / 2 ? 2 : 0) + (x >= kSide / 2 ? 1 : 0));
      add_colour(pixel(picture, x, y), out.subspan(0, kRegionWidth));
      add_colour(pixel(picture, x, y), out.subspan(quarter * kRegionWidth, kRegionWidth));
    }
  }
  for (float& value : out) value = std::sqrt(value);  // or the background would outweigh everything
  for (std::size_t region = 0; region < 5; ++region) {
    bring_to_length_one(out.subspan(region * kRegionWidth, kRegionWidth));
  }
  bring_to_length_one(out);
}

// ---- layout ----

void describe_layout(const Image& picture, std::span<float> out) {
  auto* next = out.data();
  for (int row = 0; row < kCells; ++row) {
    for (int column = 0; column < kCells; ++column) {
      std::array<int, 3> sum{};
      for (int y = row * kCellSide; y < (row + 1) * kCellSide; ++y) {
        for (int x = column * kCellSide; x < (column + 1) * kCellSide; ++x) {
          for (std::size_t c = 0; c < 3; ++c) sum[c] += pixel(picture, x, y)[c];
        }
      }
      constexpr float kScale = 1.0F / (255.0F * kCellSide * kCellSide);
      const float red = static_cast<float>(sum[0]) * kScale, green = static_cast<float>(sum[1]) * kScale,
                  blue = static_cast<float>(sum[2]) * kScale;
      const float luma = 0.299F * red + 0.587F * green + 0.114F * blue;
      *next++ = luma - 0.5F;
      *next++ = blue - luma;
      *next++ = red - luma;
    }
  }
  bring_to_length_one(out);
}

}  // namespace

void describe_classic(const Image& picture, std::span<float> out) {
  assert(picture.width == kSide && picture.height == kSide && picture.rgb.size() == place(kSide * kSide * 3) &&
         "the picture is brought to classic_picture_format() first");
  assert(out.size() == kClassicWidth && "a classic feature has kClassicWidth numbers");
  describe_gradients(picture, out.first(kClassicGradients));
  describe_colours(picture, out.subspan(kClassicGradients, kClassicColours));
  describe_layout(picture, out.last(kClassicLayout));
}

}  // namespace warifu
