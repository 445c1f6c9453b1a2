#include "nn/classic_image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

namespace warifu {
namespace {

template <typename Colour>
Image drawn(Colour colour) {
  Image picture{kClassicSide, kClassicSide, {}};
  for (int y = 0; y < kClassicSide; ++y) {
    for (int x = 0; x < kClassicSide; ++x) {
      const std::array<int, 3> rgb = colour(x, y);
      for (const int value : rgb) picture.rgb.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return picture;
}

std::vector<float> feature(const Image& picture) {
  std::vector<float> values(kClassicWidth, -7.0F);
  describe_classic(picture, values);
  return values;
}

float length(std::span<const float> values) {
  return std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0F));
}

using Rgb = std::array<int, 3>;

TEST(DescribeClassic, EachPartHasLengthOne) {
  const auto values = feature(drawn([](int x, int y) { return Rgb{x * 2, y, (x * y) % 256}; }));
  const std::span all(values);
  EXPECT_NEAR(length(all.first(kClassicGradients)), 1, 1e-4);
  EXPECT_NEAR(length(all.subspan(kClassicGradients, kClassicColours)), 1, 1e-4);
  EXPECT_NEAR(length(all.last(kClassicLayout)), 1, 1e-4);
}

TEST(DescribeClassic, AFlatPictureHasNoGradientsAndNoNan) {
  for (const int shade : {0, 128, 255}) {
    const auto values = feature(drawn([&](int, int) { return Rgb{shade, shade, shade}; }));
    EXPECT_EQ(length(std::span(values).first(kClassicGradients)), 0);
    EXPECT_TRUE(std::ranges::all_of(values, [](float value) { return std::isfinite(value); }));
  }
}

TEST(DescribeClassic, UprightStripesVoteForTheOrientationOfTheirGradient) {
  // The gradient of upright stripes is horizontal: angle 0, the first of nine orientations.
  const auto values = feature(drawn([](int x, int) { return x / 8 % 2 == 0 ? Rgb{0, 0, 0} : Rgb{255, 255, 255}; }));
  float upright = 0, total = 0;
  for (std::size_t i = 0; i < kClassicGradients; ++i) {
    total += values[i];
    if (i % 9 == 0) upright += values[i];
  }
  EXPECT_GT(total, 0);
  EXPECT_NEAR(upright / total, 1, 1e-4);
}

TEST(DescribeClassic, PureBlueFallsIntoOneHueOfEveryRegion) {
  const auto values = feature(drawn([](int, int) { return Rgb{0, 0, 255}; }));
  const std::span colours = std::span(values).subspan(kClassicGradients, kClassicColours);
  EXPECT_EQ(std::ranges::count_if(colours, [](float value) { return value > 0; }), 5);
  // hue 4 sixths of the circle = the 9th of twelve (index 8), brightest of three
  for (std::size_t region = 0; region < 5; ++region) {
    EXPECT_NEAR(colours[region * 41 + 8 * 3 + 2], 1 / std::sqrt(5.0F), 1e-5);
  }
}

TEST(DescribeClassic, ColourIsToldApartWhereShapeIsTheSame) {
  const auto disc = [](Rgb inside) {
    return drawn([=](int x, int y) {
      return (x - 64) * (x - 64) + (y - 64) * (y - 64) < 1600 ? inside : Rgb{255, 255, 255};
    });
  };
  const auto red = feature(disc({200, 0, 0})), green = feature(disc({0, 200, 0})), again = feature(disc({200, 0, 0}));
  EXPECT_EQ(red, again);
  const auto likeness = [&](std::size_t from, std::size_t count) {
    return std::inner_product(red.begin() + static_cast<std::ptrdiff_t>(from),
                              red.begin() + static_cast<std::ptrdiff_t>(from + count),
                              green.begin() + static_cast<std::ptrdiff_t>(from), 0.0F);
  };
  EXPECT_GT(likeness(0, kClassicGradients), 0.99F);
  EXPECT_LT(likeness(kClassicGradients, kClassicColours), 0.8F);
}

}  // namespace
}  // namespace warifu
