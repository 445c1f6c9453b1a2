#pragma once

#include <cstdint>
#include <vector>

namespace warifu {

// Pixels of one picture: 8-bit sRGB, interleaved RGBRGB…, rows from the top, already turned
// upright and laid on white where the file was transparent. rgb.size() == width * height * 3.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;
};

// How a picture is brought to a fixed size.
enum class ImageFit {
  kShrinkOnly,  // long side at most `size`, aspect kept; smaller pictures stay as they are
  kLetterbox,   // size x size, aspect kept, centred on white
  kStretch,     // size x size, aspect not kept
  kCenterCrop,  // short side to `size`, then the middle square
};

enum class Resampling { kBilinear, kBicubic };

// The form in which a tower wants its pictures.
struct PictureFormat {
  int size = 224;
  ImageFit fit = ImageFit::kStretch;
  Resampling resampling = Resampling::kBilinear;

  bool operator==(const PictureFormat&) const = default;
};

}  // namespace warifu
