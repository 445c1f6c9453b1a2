#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace warifu {

// What the parts of one input add to a number that a model makes of it: the number would be about so much smaller
// without the part. Signed; zero where a part changes nothing.

// Cells of a grid over a picture as its encoder sees it, row by row from the top left.
struct PatchWeights {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> weights;  // [rows * columns]
};

// A word of a text, bytes [begin, end). One that stands there twice counts as one: both have the weight of both.
struct WordWeight {
  std::size_t begin = 0;
  std::size_t end = 0;
  float weight = 0;
};

struct Attribution {
  PatchWeights patches;           // empty where no picture was looked at
  std::vector<WordWeight> words;  // in the order of the text; empty where no text was looked at
};

// The gradient, at one row of features, of the number that is explained.
using FeatureGradient = std::function<std::vector<float>(std::span<const float> row)>;

}  // namespace warifu
