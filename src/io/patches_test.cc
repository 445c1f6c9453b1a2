#include "io/patches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace warifu {
namespace {

using testing::ElementsAre;

// Grey pixels, row by row.
Image grey(int width, int height, const std::vector<std::uint8_t>& values) {
  Image picture{width, height, {}};
  for (const std::uint8_t value : values) picture.rgb.insert(picture.rgb.end(), 3, value);
  return picture;
}

std::vector<int> values_of(const Image& picture) {
  std::vector<int> values;
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3) values.push_back(picture.rgb[i]);
  return values;
}

TEST(EdgeColour, IsTheMeanOfTheOutermostPixels) {
  // Corners count twice: (4 * 10 + 4 * 10 + 2 * 40 + 2 * 40) / 12 = 20; the middle counts for nothing.
  EXPECT_THAT(edge_colour(grey(3, 3, {10, 40, 10, 40, 255, 40, 10, 40, 10})), ElementsAre(20, 20, 20));
  EXPECT_THAT(edge_colour(grey(1, 1, {7})), ElementsAre(7, 7, 7));
}

TEST(BlankPatches, FillTheNamedCellsAndNothingElse) {
  const Image picture = grey(4, 2,
                             {0, 0, 9, 9,  //
                              0, 0, 9, 9});
  const std::size_t right = 1;
  // The edge is all of it: the mean of four 0 and four 9, corners twice as ever, rounded.
  EXPECT_THAT(values_of(blank_patches(picture, {1, 2}, {&right, 1})), ElementsAre(0, 0, 5, 5, 0, 0, 5, 5));
  EXPECT_EQ(values_of(blank_patches(picture, {1, 2}, {})), values_of(picture));
}

TEST(BlankPatches, CoverEveryPixelOfAPictureThatCannotBeDividedEvenly) {
  Image picture = grey(5, 7, std::vector<std::uint8_t>(35, 0));
  for (std::size_t c = 0; c < 3; ++c) picture.rgb[(3 * 5 + 2) * 3 + c] = 200;  // within, so the edge is black
  const std::vector<std::size_t> cells = {0, 1, 2, 3, 4, 5};
  EXPECT_THAT(values_of(blank_patches(picture, {3, 2}, cells)), testing::Each(0));
}

}  // namespace
}  // namespace warifu
