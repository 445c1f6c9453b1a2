#include "io/patches.h"

#include <cassert>

namespace warifu {

std::array<std::uint8_t, 3> edge_colour(const Image& picture) {
  assert(picture.width > 0 && picture.height > 0 && "a picture has pixels");
  const auto width = static_cast<std::size_t>(picture.width), height = static_cast<std::size_t>(picture.height);
  std::array<std::size_t, 3> sums = {};
  std::size_t count = 0;
  const auto add = [&](std::size_t x, std::size_t y) {
    for (std::size_t c = 0; c < 3; ++c) sums[c] += picture.rgb[(y * width + x) * 3 + c];
    ++count;
  };
  for (std::size_t x = 0; x < width; ++x) {
    add(x, 0);
    add(x, height - 1);
  }
  for (std::size_t y = 0; y < height; ++y) {
    add(0, y);
    add(width - 1, y);
  }
  std::array<std::uint8_t, 3> mean = {};
  for (std::size_t c = 0; c < 3; ++c) mean[c] = static_cast<std::uint8_t>((sums[c] + count / 2) / count);
  return mean;
}

Image blank_patches(const Image& picture, const PatchGrid& grid, std::span<const std::size_t> cells) {
  const auto width = static_cast<std::size_t>(picture.width), height = static_cast<std::size_t>(picture.height);
  const auto colour = edge_colour(picture);
  Image result = picture;
  for (const std::size_t cell : cells) {
    assert(cell < grid.rows * grid.columns && "a cell of the grid");
    const std::size_t row = cell / grid.columns, column = cell % grid.columns;
    for (std::size_t y = row * height / grid.rows; y < (row + 1) * height / grid.rows; ++y)
      for (std::size_t x = column * width / grid.columns; x < (column + 1) * width / grid.columns; ++x)
        for (std::size_t c = 0; c < 3; ++c) result.rgb[(y * width + x) * 3 + c] = colour[c];
  }
  return result;
}

}  // namespace warifu
