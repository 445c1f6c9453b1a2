#include "data/drawing.h"

#include <array>
#include <cmath>
#include <numbers>

#include "base/rng.h"

namespace warifu::fixtures {
namespace {

constexpr int kSide = 64;

struct Colour {
  std::string_view name;
  std::string_view japanese;  // as it stands before a noun
  std::array<std::uint8_t, 3> rgb;
};
constexpr std::array kColours = {
    Colour{"red", "赤い", {220, 30, 30}},   Colour{"blue", "青い", {30, 60, 220}},
    Colour{"green", "緑の", {30, 160, 60}}, Colour{"yellow", "黄色い", {240, 210, 20}},
    Colour{"black", "黒い", {20, 20, 20}},  Colour{"purple", "紫の", {140, 40, 160}},
};

// Whether a point is inside, in coordinates where the shape fills [-1, 1] x [-1, 1] and y points down.
bool in_circle(double x, double y) { return x * x + y * y <= 1; }
bool in_square(double x, double y) { return std::abs(x) <= 0.9 && std::abs(y) <= 0.9; }
bool in_triangle(double x, double y) { return y <= 0.9 && std::abs(x) <= (y + 1) / 2; }
bool in_ring(double x, double y) { return in_circle(x, y) && x * x + y * y >= 0.4; }
bool in_star(double x, double y) {
  // Five points: the allowed radius falls linearly from tip to notch.
  constexpr double kStep = 2 * std::numbers::pi / 5;
  const double angle = std::fmod(std::atan2(x, -y) + 2 * std::numbers::pi, kStep);
  const double to_tip = std::min(angle, kStep - angle) / (kStep / 2);
  return std::hypot(x, y) <= 1.0 - 0.6 * to_tip;
}

struct Shape {
  std::string_view name;
  std::string_view japanese;
  bool (*contains)(double x, double y);
};
constexpr std::array kShapes = {
    Shape{"circle", "円", in_circle}, Shape{"square", "四角", in_square}, Shape{"triangle", "三角", in_triangle},
    Shape{"star", "星", in_star},     Shape{"ring", "輪", in_ring},
};

Image draw(const Shape& shape, const Colour& colour, Rng& rng) {
  const double radius = kSide * (0.25 + 0.15 * rng.uniform());
  const double centre_x = radius + rng.uniform() * (kSide - 2 * radius);
  const double centre_y = radius + rng.uniform() * (kSide - 2 * radius);
  Image image{kSide, kSide, std::vector<std::uint8_t>(std::size_t{kSide} * kSide * 3, 255)};
  std::size_t at = 0;
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column, at += 3) {
      if (!shape.contains((column + 0.5 - centre_x) / radius, (row + 0.5 - centre_y) / radius)) continue;
      for (std::size_t channel = 0; channel < 3; ++channel) image.rgb[at + channel] = colour.rgb[channel];
    }
  }
  return image;
}

}  // namespace

std::vector<Drawing> draw_all() {
  Rng rng(20231122);
  std::vector<Drawing> drawings;
  for (const Shape& shape : kShapes) {
    for (const Colour& colour : kColours) {
      for (const bool japanese : {false, true}) {
        const std::string colour_name(colour.name);
        const std::string shape_name(shape.name);
        drawings.push_back({colour_name + "-" + shape_name + (japanese ? "-2" : "-1"), shape_name, colour_name,
                            japanese ? std::string(colour.japanese) + std::string(shape.japanese)
                                     : "a " + colour_name + " " + shape_name,
                            japanese, draw(shape, colour, rng)});
      }
    }
  }
  return drawings;
}

}  // namespace warifu::fixtures
