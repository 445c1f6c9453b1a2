#include "io/image_resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::Each;
using testing::ElementsAreArray;

PixelView view(const Image& image) { return {image.rgb.data(), image.width, image.height}; }

Image plain(int width, int height, std::uint8_t level) {
  return {width, height, std::vector<std::uint8_t>(std::size_t(width) * std::size_t(height) * 3, level)};
}

// A picture whose every pixel differs from its neighbours, so that a shift by one shows.
Image drawn(int width, int height) {
  Image image = plain(width, height, 0);
  std::size_t at = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c)
        image.rgb[at++] = static_cast<std::uint8_t>(x * 37 + y * 91 + c * 53 + x * y * (c + 1) * 7);
  return image;
}

std::uint64_t fnv1a(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3ULL;
  return hash;
}

std::vector<std::uint8_t> grey_row(const std::vector<std::uint8_t>& levels, int width, Resampling resampling) {
  Image row = plain(static_cast<int>(levels.size()), 1, 0);
  for (std::size_t i = 0; i < row.rgb.size(); ++i) row.rgb[i] = levels[i / 3];
  const Image out = resample(view(row), width, 1, resampling);
  std::vector<std::uint8_t> grey;
  for (std::size_t i = 0; i < out.rgb.size(); i += 3) grey.push_back(out.rgb[i]);
  return grey;
}

TEST(Resample, ReducingAveragesEverySourcePixel) {
  // Half of an edge: the middle output sees three black and three white pixels alike.
  EXPECT_THAT(grey_row({0, 0, 0, 255, 255, 255}, 3, Resampling::kBilinear), ElementsAreArray({0, 128, 255}));
  EXPECT_THAT(grey_row({0, 0, 0, 255, 255, 255}, 3, Resampling::kBicubic), ElementsAreArray({0, 128, 255}));
}

TEST(Resample, EnlargingInterpolatesBetweenPixelCentres) {
  EXPECT_THAT(grey_row({0, 0, 0, 255, 255, 255}, 12, Resampling::kBilinear),
              ElementsAreArray({0, 0, 0, 0, 0, 64, 191, 255, 255, 255, 255, 255}));
  EXPECT_THAT(grey_row({0, 0, 0, 255, 255, 255}, 12, Resampling::kBicubic),
              ElementsAreArray({0, 0, 0, 0, 0, 52, 203, 255, 255, 255, 255, 255}));
}

TEST(Resample, GivesPillowsPixelsBitForBit) {
  struct Case {
    int width, height, to_width, to_height;
    Resampling resampling;
    std::uint64_t hash;  // FNV-1a of Pillow 9.4.0's Image.resize() of drawn(width, height)
  };
  constexpr Case kCases[] = {
      {7, 5, 3, 2, Resampling::kBilinear, 0x05fb9d70e8b48fb9ULL},
      {7, 5, 3, 2, Resampling::kBicubic, 0x6a1bb13d3661ffa9ULL},
      {64, 48, 17, 31, Resampling::kBilinear, 0x508df7323d8c3660ULL},
      {64, 48, 17, 31, Resampling::kBicubic, 0x973753d5ad186862ULL},
      {5, 4, 13, 9, Resampling::kBilinear, 0x072edfdfaa627980ULL},
      {5, 4, 13, 9, Resampling::kBicubic, 0x1d1799adb82fcc5fULL},
      {100, 3, 10, 3, Resampling::kBilinear, 0xc1126ab310d84ab1ULL},
      {100, 3, 10, 3, Resampling::kBicubic, 0xf8635a5e151bc6a1ULL},
      {3, 100, 3, 10, Resampling::kBilinear, 0x7146917b51834344ULL},
      {3, 100, 3, 10, Resampling::kBicubic, 0x05eb1d5d4d22abf8ULL},
      {300, 200, 224, 224, Resampling::kBilinear, 0x41923abdd273c5d8ULL},
      {300, 200, 224, 224, Resampling::kBicubic, 0x38e2e4c7c987dfefULL},
      {224, 225, 224, 224, Resampling::kBilinear, 0xe780c305030f3c46ULL},
      {224, 225, 224, 224, Resampling::kBicubic, 0x63af5d74b436ebc6ULL},
  };
  for (const Case& c : kCases) {
    const Image out = resample(view(drawn(c.width, c.height)), c.to_width, c.to_height, c.resampling);
    EXPECT_EQ(fnv1a(out.rgb), c.hash) << c.width << "x" << c.height << " to " << c.to_width << "x" << c.to_height;
  }
}

TEST(Resample, KeepsAPlainColourAtAnySize) {
  for (const Resampling kernel : {Resampling::kBilinear, Resampling::kBicubic})
    for (const auto& [width, height] : {std::pair{1, 1}, {2, 90}, {31, 7}, {200, 200}})
      EXPECT_THAT(resample(view(plain(23, 11, 201)), width, height, kernel).rgb, Each(201));
}

TEST(FitPixels, LetterboxCentresOnWhite) {
  const Image out = fit_pixels(view(plain(4, 2, 0)), {4, ImageFit::kLetterbox, Resampling::kBilinear});
  std::vector<std::uint8_t> expected(4 * 4 * 3, 255);
  std::fill(expected.begin() + 12, expected.begin() + 36, 0);
  EXPECT_EQ(out.rgb, expected);
}

TEST(FitPixels, LetterboxEnlargesASmallPicture) {
  const Image out = fit_pixels(view(plain(2, 1, 9)), {8, ImageFit::kLetterbox, Resampling::kBicubic});
  EXPECT_EQ(std::count(out.rgb.begin(), out.rgb.end(), 9), 8 * 4 * 3);
  EXPECT_EQ(std::count(out.rgb.begin(), out.rgb.end(), 255), 8 * 4 * 3);
}

TEST(FitPixels, CenterCropTakesTheMiddleSquare) {
  Image image = plain(6, 2, 0);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(i / 3 % 6);
  const Image out = fit_pixels(view(image), {2, ImageFit::kCenterCrop, Resampling::kBicubic});
  EXPECT_THAT(out.rgb, ElementsAreArray({2, 2, 2, 3, 3, 3, 2, 2, 2, 3, 3, 3}));
}

TEST(FitPixels, StretchIgnoresTheAspect) {
  const Image out = fit_pixels(view(drawn(10, 3)), {5, ImageFit::kStretch, Resampling::kBilinear});
  EXPECT_EQ(out.width, 5);
  EXPECT_EQ(out.height, 5);
  EXPECT_EQ(out.rgb, resample(view(drawn(10, 3)), 5, 5, Resampling::kBilinear).rgb);
}

TEST(FitPixels, ShrinkOnlyNeverEnlarges) {
  const PictureFormat format{100, ImageFit::kShrinkOnly, Resampling::kBicubic};
  EXPECT_EQ(fit_pixels(view(drawn(40, 30)), format).rgb, drawn(40, 30).rgb);
  const Image smaller = fit_pixels(view(drawn(200, 50)), format);
  EXPECT_EQ(smaller.width, 100);
  EXPECT_EQ(smaller.height, 25);
}

TEST(FitPixels, AStripOfExtremeShapeStaysCheap) {
  for (const ImageFit fit : {ImageFit::kShrinkOnly, ImageFit::kLetterbox, ImageFit::kStretch, ImageFit::kCenterCrop})
    for (const auto& [width, height] : {std::pair{100000, 1}, {1, 100000}}) {
      const Image out = fit_pixels(view(plain(width, height, 7)), {64, fit, Resampling::kBicubic});
      EXPECT_LE(out.width, 64);
      EXPECT_LE(out.height, 64);
      EXPECT_EQ(out.rgb.size(), std::size_t(out.width) * std::size_t(out.height) * 3);
    }
}

TEST(FittedSize, CutsTheLongSideAsTorchvisionDoes) {
  const PictureFormat clip{224, ImageFit::kCenterCrop, Resampling::kBicubic};
  const FittedSize size = fitted_size(500, 333, clip);  // 224 * 500 / 333 = 336.3
  EXPECT_EQ(size.width, 336);
  EXPECT_EQ(size.height, 224);
  EXPECT_EQ(fitted_size(333, 499, clip).height, 335);  // 335.66, cut off
}

}  // namespace
}  // namespace warifu
