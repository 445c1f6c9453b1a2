#include "security/picture_mask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include "base/fresh_folder_for_test.h"
#include "security/drawn_scene_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

// Sum of differences between neighbours: detail.
double detail(const Image& image, const PictureRegion& region) {
  double sum = 0;
  for (int y = region.y; y < region.y + region.height; ++y)
    for (int x = region.x; x + 1 < region.x + region.width; ++x) {
      const auto at =
          (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x)) * 3;
      sum += std::abs(int{image.rgb[at]} - int{image.rgb[at + 3]});
    }
  return sum;
}

std::uint8_t pixel(const Image& image, int x, int y) {
  return image
      .rgb[(static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x)) * 3];
}

class PictureMasking : public testing::Test {
 protected:
  MaskedPicture masked(const Image& image) const {
    auto done = mask_.mask(image);
    EXPECT_TRUE(done) << done.error().message;
    return done ? std::move(*done) : MaskedPicture{};
  }

  PictureMask mask_ = PictureMask::load().value();
};

TEST_F(PictureMasking, FindsAFaceAndLeavesNoFeatureOfIt) {
  DrawnScene scene(400, 400, 225);
  scene.face(200, 200, 160);
  const MaskedPicture done = masked(scene.image());
  EXPECT_EQ(done.faces, 1U);
  EXPECT_EQ(done.plates, 0U);
  const PictureRegion eyes{150, 175, 100, 40};
  EXPECT_LT(detail(done.image, eyes), detail(scene.image(), eyes) / 3);
  EXPECT_EQ(pixel(done.image, 5, 5), pixel(scene.image(), 5, 5));
}

TEST_F(PictureMasking, FindsTwoFacesInALargePictureAndBlursThemAtItsSize) {
  DrawnScene scene(3000, 2000, 225);
  scene.face(800, 900, 500);
  scene.face(2200, 1000, 600);
  const MaskedPicture done = masked(scene.image());
  EXPECT_EQ(done.faces, 2U);
  EXPECT_EQ(done.image.width, 3000);
  for (const int x : {800, 2200}) {
    const PictureRegion eyes{x - 120, 850, 240, 150};
    EXPECT_LT(detail(done.image, eyes), detail(scene.image(), eyes) / 2);
  }
}

TEST_F(PictureMasking, FindsANumberPlateAndLeavesNoCharacterOfIt) {
  DrawnScene scene(600, 400, 90);
  scene.plate(150, 150, 50);
  const MaskedPicture done = masked(scene.image());
  EXPECT_EQ(done.plates, 1U);
  const PictureRegion characters{155, 155, 220, 40};
  EXPECT_LT(detail(done.image, characters), detail(scene.image(), characters) / 10);
}

TEST_F(PictureMasking, LeavesAPictureWithoutEitherAsItIs) {
  Image image{200, 100, {}};
  for (int i = 0; i < 200 * 100; ++i)
    image.rgb.insert(image.rgb.end(), {static_cast<std::uint8_t>(i % 200), 100, static_cast<std::uint8_t>(i / 200)});
  const MaskedPicture done = masked(image);
  EXPECT_EQ(done.faces + done.plates, 0U);
  EXPECT_EQ(done.image.rgb, image.rgb);
}

TEST_F(PictureMasking, TakesPicturesOfAnySizeThatAgreesWithItsBytes) {
  for (const auto& [width, height] : {std::pair(1, 1), std::pair(1, 5000), std::pair(5000, 1), std::pair(19, 19)})
    EXPECT_EQ(masked(DrawnScene(width, height, 128).image()).image.width, width);
  EXPECT_EQ(mask_.mask(Image{}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(mask_.mask(Image{10, 10, std::vector<std::uint8_t>(7)}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(PictureMasking, GivesTheSameOnEveryThread) {
  DrawnScene scene(400, 400, 225);
  scene.face(200, 200, 160);
  const Image expected = masked(scene.image()).image;
  std::vector<Image> results(4);
  {
    std::vector<std::jthread> threads;
    for (Image& result : results) threads.emplace_back([&] { result = masked(scene.image()).image; });
  }
  for (const Image& result : results) EXPECT_EQ(result.rgb, expected.rgb);
}

TEST(BlurredRegion, HoldsAFewAveragesOnly) {
  Image noise{300, 200, {}};
  std::uint32_t state = 1;
  for (int i = 0; i < 300 * 200 * 3; ++i)
    noise.rgb.push_back(static_cast<std::uint8_t>((state = state * 1664525U + 1013904223U) >> 24));
  Image blurred = noise;
  blur_region(blurred, {100, 50, 120, 60});
  EXPECT_LT(detail(blurred, {100, 50, 120, 60}), detail(noise, {100, 50, 120, 60}) / 50);
  EXPECT_EQ(detail(blurred, {0, 0, 99, 200}), detail(noise, {0, 0, 99, 200}));
  // Two regions with the same averages become the same, whatever lay in them.
  Image stripes{60, 60, {}}, grey{60, 60, std::vector<std::uint8_t>(60 * 60 * 3, 100)};
  for (int i = 0; i < 60 * 60; ++i)
    for (int band = 0; band < 3; ++band) stripes.rgb.push_back(i % 2 == 0 ? 50 : 150);
  blur_region(stripes, {0, 0, 60, 60});
  blur_region(grey, {0, 0, 60, 60});
  EXPECT_EQ(stripes.rgb, grey.rgb);
}

TEST(BlurredRegion, MayReachOverTheEdgeOrLieOutside) {
  Image image = DrawnScene(20, 20, 128).image();
  for (const PictureRegion& region :
       {PictureRegion{-5, -5, 10, 10}, PictureRegion{15, 15, 1000, 1000}, PictureRegion{100, 100, 5, 5},
        PictureRegion{0, 0, 0, 0}, PictureRegion{3, 3, 1, 1}})
    blur_region(image, region);
  EXPECT_EQ(image.rgb, DrawnScene(20, 20, 128).image().rgb);
}

TEST(PictureMaskFiles, AreNamedWithTheirPackageWhenMissing) {
  const auto folder = fresh_folder();
  const auto missing = PictureMask::load(folder);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().hint, HasSubstr("opencv-data"));
  for (const char* bytes : {"", "not xml", "<?xml version=\"1.0\"?><opencv_storage></opencv_storage>"}) {
    std::ofstream(folder / "haarcascade_frontalface_default.xml") << bytes;
    const auto damaged = PictureMask::load(folder);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error().code, ErrorCode::kBadFormat);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace warifu
