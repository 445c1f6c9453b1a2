#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/image.h"

namespace warifu {

// Pictures drawn so that the cascades take them for a face and a number plate. For tests, of any room: no one's face.
class DrawnScene {
 public:
  DrawnScene(int width, int height, std::uint8_t ground)
      : image_{width, height,
               std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3,
                                         ground)} {}

  // A face about `size` pixels high: hair, brows, eyes, nose, mouth.
  void face(double x, double y, double size) {
    const auto oval = [&](double dx, double dy, double a, double b, double grey) {
      ellipse(x + dx * size, y + dy * size, a * size, b * size, grey);
    };
    oval(0, -0.06, 0.46, 0.60, 60);
    oval(0, 0.04, 0.37, 0.50, 200);
    for (const double side : {-1.0, 1.0}) {
      oval(side * 0.16, -0.13, 0.10, 0.03, 80);
      oval(side * 0.16, -0.04, 0.085, 0.045, 110);
      oval(side * 0.16, -0.04, 0.045, 0.045, 40);
      oval(side * 0.05, 0.14, 0.025, 0.02, 110);
    }
    oval(0, 0.05, 0.035, 0.13, 225);
    oval(0, 0.28, 0.13, 0.035, 100);
  }

  // A white plate with a dark border and eight characters, `height` pixels high, its corner at (x, y).
  void plate(int x, int y, int height) {
    const int width = height * 46 / 10, border = std::max(1, height / 16), stroke = std::max(2, height / 9);
    box(x, y, width, height, 20);
    box(x + border, y + border, width - 2 * border, height - 2 * border, 240);
    const int step = (width - height / 3) / 8, top = y + height / 5, tall = height * 3 / 5;
    for (int i = 0; i < 8; ++i) {
      const int left = x + height / 4 + i * step, wide = step * 2 / 3;
      box(left, top, stroke, tall, 20);
      if (i % 4 != 1) box(left, top, wide, stroke, 20);
      if (i % 3 != 2) box(left, top + tall / 2 - stroke / 2, wide, stroke, 20);
      if (i % 2 == 0) box(left + wide - stroke, top, stroke, tall, 20);
      if (i % 4 == 3) box(left, top + tall - stroke, wide, stroke, 20);
    }
  }

  const Image& image() const { return image_; }

 private:
  void mix(int x, int y, double grey, double share) {
    if (x < 0 || y < 0 || x >= image_.width || y >= image_.height) return;
    std::uint8_t* pixel =
        &image_
             .rgb[(static_cast<std::size_t>(y) * static_cast<std::size_t>(image_.width) + static_cast<std::size_t>(x)) *
                  3];
    for (int band = 0; band < 3; ++band)
      pixel[band] = static_cast<std::uint8_t>(std::lround(pixel[band] * (1 - share) + grey * share));
  }

  void ellipse(double x, double y, double a, double b, double grey) {
    for (int row = static_cast<int>(y - b) - 2; row <= static_cast<int>(y + b) + 2; ++row)
      for (int column = static_cast<int>(x - a) - 2; column <= static_cast<int>(x + a) + 2; ++column) {
        const double distance = std::hypot((column - x) / a, (row - y) / b);
        mix(column, row, grey, std::clamp((1 - distance) * std::min(a, b) + 0.5, 0.0, 1.0));  // a pixel of soft edge
      }
  }

  void box(int x, int y, int width, int height, double grey) {
    for (int row = y; row < y + height; ++row)
      for (int column = x; column < x + width; ++column) mix(column, row, grey, 1);
  }

  Image image_;
};

}  // namespace warifu
