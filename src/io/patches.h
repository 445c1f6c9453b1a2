#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/image.h"

namespace warifu {

// Cells of a grid over a picture, numbered row by row from the top left; where the sides cannot be divided evenly
// neighbouring cells differ by a pixel.
struct PatchGrid {
  std::size_t rows = 0;
  std::size_t columns = 0;
};

// The mean colour of the picture's outermost pixels: what is behind the thing, where there is one.
std::array<std::uint8_t, 3> edge_colour(const Image& picture);

// The picture with these cells filled with its edge colour: nothing is to be seen there.
Image blank_patches(const Image& picture, const PatchGrid& grid, std::span<const std::size_t> cells);

}  // namespace warifu
