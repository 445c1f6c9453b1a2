#include "io/image_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>

#include "base/parallel.h"
#include "io/pictures_for_test.h"
#include "io/vips_runtime.h"

namespace warifu {
namespace {

using testing::HasSubstr;

Image plain(int width, int height, std::array<std::uint8_t, 3> colour) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height; ++i) image.rgb.insert(image.rgb.end(), colour.begin(), colour.end());
  return image;
}

// Left half one colour, right half the other.
Image halves(int width, int height) {
  Image image = plain(width, height, {255, 0, 0});
  for (int i = 0; i < width * height; ++i)
    if (i % width >= width / 2) {
      image.rgb[std::size_t(i) * 3] = 0;
      image.rgb[std::size_t(i) * 3 + 2] = 255;
    }
  return image;
}

std::array<int, 3> pixel(const Image& image, int x, int y) {
  const std::size_t at = (std::size_t(y) * std::size_t(image.width) + std::size_t(x)) * 3;
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

// What libvips saves from `values` (bands interleaved), e.g. ".tiff" or ".png[compression=0]".
template <typename T>
std::vector<std::byte> saved(const std::vector<T>& values, int width, int height, int bands, VipsBandFormat format,
                             VipsInterpretation interpretation, const char* suffix, int orientation = 0) {
  EXPECT_TRUE(start_vips());
  VipsPtr raw(vips_image_new_from_memory_copy(values.data(), values.size() * sizeof(T), width, height, bands, format));
  raw->Type = interpretation;
  if (orientation != 0) vips_image_set_int(raw.get(), VIPS_META_ORIENTATION, orientation);
  void* data = nullptr;
  std::size_t size = 0;
  EXPECT_EQ(vips_image_write_to_buffer(raw.get(), suffix, &data, &size, nullptr), 0) << vips_error_buffer();
  const auto* begin = static_cast<const std::byte*>(data);
  std::vector<std::byte> bytes(begin, begin + size);
  g_free(data);
  return bytes;
}

TEST(DecodeImage, PngComesBackAsItWasWritten) {
  const Image image = halves(31, 17);
  const auto decoded = decode_image(*encode_png(image), kLimits);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->width, 31);
  EXPECT_EQ(decoded->height, 17);
  EXPECT_EQ(decoded->rgb, image.rgb);
}

TEST(DecodeImage, APictureOfTheWantedSizeIsNotTouched) {
  const auto bytes = *encode_jpeg(halves(64, 64), 80);
  const auto as_it_is = decode_image(bytes, kLimits);
  ASSERT_TRUE(as_it_is);
  for (const ImageFit fit : {ImageFit::kShrinkOnly, ImageFit::kLetterbox, ImageFit::kStretch, ImageFit::kCenterCrop})
    for (const Resampling kernel : {Resampling::kBilinear, Resampling::kBicubic}) {
      EXPECT_EQ(decode_image(bytes, kLimits, PictureFormat{64, fit, kernel})->rgb, as_it_is->rgb);
      EXPECT_EQ(fit_image(*as_it_is, {64, fit, kernel})->rgb, as_it_is->rgb);
    }
}

TEST(DecodeImage, FormatIsDecodeThenFit) {
  const auto bytes = *encode_png(halves(90, 40));
  for (const ImageFit fit : {ImageFit::kShrinkOnly, ImageFit::kLetterbox, ImageFit::kStretch, ImageFit::kCenterCrop}) {
    const PictureFormat format{32, fit, Resampling::kBicubic};
    EXPECT_EQ(decode_image(bytes, kLimits, format)->rgb, fit_image(*decode_image(bytes, kLimits), format)->rgb);
  }
}

TEST(DecodeImage, ALargeJpegShrunkWhileDecodingLooksTheSame) {
  const auto bytes = *encode_jpeg(halves(1600, 1200), 95);
  const PictureFormat format{100, ImageFit::kStretch, Resampling::kBicubic};
  const Image quick = *decode_image(bytes, kLimits, format);
  const Image slow = *fit_image(*decode_image(bytes, kLimits), format);
  ASSERT_EQ(quick.rgb.size(), slow.rgb.size());
  int worst = 0;
  for (std::size_t i = 0; i < quick.rgb.size(); ++i) worst = std::max(worst, std::abs(quick.rgb[i] - slow.rgb[i]));
  EXPECT_LE(worst, 24);  // beside the edge; far from it the two agree
}

TEST(DecodeImage, GreyBecomesRgb) {
  const auto decoded = decode_image(
      saved<std::uint8_t>({0, 100, 255, 7}, 2, 2, 1, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, ".png"), kLimits);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->rgb, (std::vector<std::uint8_t>{0, 0, 0, 100, 100, 100, 255, 255, 255, 7, 7, 7}));
}

TEST(DecodeImage, SixteenBitsBecomeEight) {
  for (const char* suffix : {".png", ".tiff"}) {
    const auto decoded = decode_image(
        saved<std::uint16_t>({0, 0x8080, 0xFFFF}, 1, 1, 3, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16, suffix),
        kLimits);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(pixel(*decoded, 0, 0), (std::array{0, 0x80, 255})) << suffix;
  }
}

TEST(DecodeImage, TransparentPartsAreWhite) {
  const auto decoded = decode_image(saved<std::uint8_t>({10, 20, 30, 0, 10, 20, 30, 255, 0, 0, 0, 128}, 3, 1, 4,
                                                        VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, ".png"),
                                    kLimits);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(pixel(*decoded, 0, 0), (std::array{255, 255, 255}));
  EXPECT_EQ(pixel(*decoded, 1, 0), (std::array{10, 20, 30}));
  EXPECT_NEAR(pixel(*decoded, 2, 0)[0], 127, 1);
}

TEST(DecodeImage, TransparentPartsOfSixteenBitAndGreyPicturesAreWhiteToo) {
  const auto deep = decode_image(saved<std::uint16_t>({9, 9, 9, 0, 0x4040, 0x4040, 0x4040, 0xFFFF}, 2, 1, 4,
                                                      VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16, ".png"),
                                 kLimits);
  ASSERT_TRUE(deep) << deep.error().message;
  EXPECT_EQ(pixel(*deep, 0, 0), (std::array{255, 255, 255}));
  EXPECT_EQ(pixel(*deep, 1, 0), (std::array{0x40, 0x40, 0x40}));
  const auto grey = decode_image(
      saved<std::uint8_t>({9, 0, 60, 255}, 2, 1, 2, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W, ".png"), kLimits);
  ASSERT_TRUE(grey) << grey.error().message;
  EXPECT_EQ(pixel(*grey, 0, 0), (std::array{255, 255, 255}));
  EXPECT_EQ(pixel(*grey, 1, 0), (std::array{60, 60, 60}));
}

TEST(DecodeImage, CmykBecomesRgb) {
  std::vector<std::uint8_t> inks;
  for (int i = 0; i < 16 * 16; ++i) inks.insert(inks.end(), {0, 0, 0, 0});      // paper
  for (int i = 0; i < 16 * 16; ++i) inks.insert(inks.end(), {0, 255, 255, 0});  // magenta + yellow: red
  for (const char* suffix : {".jpg", ".tiff"}) {
    const auto decoded =
        decode_image(saved(inks, 16, 32, 4, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_CMYK, suffix), kLimits);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_GT(pixel(*decoded, 8, 4)[0], 240) << suffix;
    EXPECT_GT(pixel(*decoded, 8, 4)[2], 240) << suffix;
    EXPECT_GT(pixel(*decoded, 8, 28)[0], 180) << suffix;
    EXPECT_LT(pixel(*decoded, 8, 28)[2], 90) << suffix;
  }
}

TEST(DecodeImage, ExifTurnsThePictureUpright) {
  // Orientation 6: the camera was turned; the file's left edge is the picture's top.
  const auto bytes = saved(halves(32, 16).rgb, 32, 16, 3, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, ".jpg", 6);
  const auto decoded = decode_image(bytes, kLimits);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->width, 16);
  EXPECT_EQ(decoded->height, 32);
  EXPECT_GT(pixel(*decoded, 8, 4)[0], 200);   // red on top
  EXPECT_GT(pixel(*decoded, 8, 28)[2], 200);  // blue below
  const auto fitted = decode_image(bytes, kLimits, PictureFormat{8, ImageFit::kShrinkOnly, Resampling::kBilinear});
  EXPECT_EQ(fitted->width, 4);
  EXPECT_EQ(fitted->height, 8);
}

TEST(DecodeImage, AnAnimationIsItsFirstFrame) {
  ASSERT_TRUE(start_vips());
  Image frames = plain(8, 16, {255, 0, 0});
  for (std::size_t i = 8 * 8 * 3; i < frames.rgb.size(); i += 3) frames.rgb[i] = 0;
  for (const char* suffix : {".webp[lossless]", ".gif"}) {
    VipsPtr film(vips_image_new_from_memory_copy(frames.rgb.data(), frames.rgb.size(), 8, 16, 3, VIPS_FORMAT_UCHAR));
    film->Type = VIPS_INTERPRETATION_sRGB;
    vips_image_set_int(film.get(), VIPS_META_PAGE_HEIGHT, 8);
    void* data = nullptr;
    std::size_t size = 0;
    if (vips_image_write_to_buffer(film.get(), suffix, &data, &size, nullptr) != 0) {
      vips_error_clear();
      continue;  // this libvips cannot write the kind; AHandMadeAnimatedGif covers reading
    }
    const auto decoded = decode_image(std::span(static_cast<const std::byte*>(data), size), kLimits);
    g_free(data);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->height, 8) << suffix;
    EXPECT_GT(pixel(*decoded, 4, 4)[0], 250) << suffix;
  }
}

TEST(DecodeImage, AHandMadeAnimatedGifIsItsFirstFrame) {
  // 1 x 1, two colours (black, white), two frames: white, then black.
  const std::string gif(
      "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xFF\xFF\xFF"
      ",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x4C\x01\x00"
      ",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00;",
      49);
  const auto decoded = decode_image(bytes_of(gif), kLimits);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->rgb, (std::vector<std::uint8_t>{255, 255, 255}));
}

TEST(DecodeImage, ATiffOfSeveralPagesIsItsFirst) {
  ASSERT_TRUE(start_vips());
  Image pages = plain(8, 16, {255, 0, 0});
  for (std::size_t i = 8 * 8 * 3; i < pages.rgb.size(); i += 3) pages.rgb[i] = 0;
  VipsPtr book(vips_image_new_from_memory_copy(pages.rgb.data(), pages.rgb.size(), 8, 16, 3, VIPS_FORMAT_UCHAR));
  book->Type = VIPS_INTERPRETATION_sRGB;
  vips_image_set_int(book.get(), VIPS_META_PAGE_HEIGHT, 8);
  void* data = nullptr;
  std::size_t size = 0;
  ASSERT_EQ(vips_image_write_to_buffer(book.get(), ".tiff", &data, &size, nullptr), 0);
  const auto decoded = decode_image(std::span(static_cast<const std::byte*>(data), size), kLimits);
  g_free(data);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->height, 8);
  EXPECT_EQ(pixel(*decoded, 4, 4), (std::array{255, 0, 0}));
}

TEST(DecodeImage, AnSvgIsRenderedOnWhite) {
  const auto svg = bytes_of(
      "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'><rect width='10' height='10' "
      "fill='#0000ff'/></svg>");
  const auto decoded = decode_image(svg, kLimits);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->width, 20);
  EXPECT_EQ(pixel(*decoded, 4, 4), (std::array{0, 0, 255}));
  EXPECT_EQ(pixel(*decoded, 15, 4), (std::array{255, 255, 255}));
}

TEST(DecodeImage, AnSvgIsRenderedAtTheWantedSizeNotEnlargedFromItsOwn) {
  const auto svg = bytes_of(
      "<svg xmlns='http://www.w3.org/2000/svg' width='4' height='4'><rect width='2' height='4' fill='black'/></svg>");
  const auto decoded = decode_image(svg, kLimits, PictureFormat{200, ImageFit::kStretch, Resampling::kBicubic});
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(pixel(*decoded, 98, 100), (std::array{0, 0, 0}));  // a sharp edge at 100
  EXPECT_EQ(pixel(*decoded, 101, 100), (std::array{255, 255, 255}));
}

TEST(DecodeImage, ManyThreadsGetTheSamePixels) {
  const auto good = *encode_jpeg(halves(40, 40), 90);
  const Image expected = *decode_image(good, kLimits);
  const auto bad = std::vector<std::byte>(good.begin(), good.begin() + std::ptrdiff_t(good.size() / 2));
  set_thread_count(4);
  std::atomic<int> right = 0, refused = 0;
  parallel_for(400, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto decoded = decode_image(i % 4 == 0 ? bad : good, kLimits);
      if (decoded && decoded->rgb == expected.rgb) ++right;
      if (!decoded && decoded.error().message == "the JPEG is truncated: its end is missing") ++refused;
    }
  });
  set_thread_count(0);
  EXPECT_EQ(right, 300);
  EXPECT_EQ(refused, 100);
}

TEST(DecodeImage, ReadsAFileWithAJapaneseNameAndASpace) {
  const auto folder = std::filesystem::path(testing::TempDir()) / ("warifu_image_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const auto path = folder / "割符 図面.png";
  const auto bytes = *encode_png(halves(8, 8));
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  const auto decoded = decode_image(path, kLimits);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->rgb, halves(8, 8).rgb);
}

TEST(EncodeJpeg, ComesBackAlmostTheSame) {
  const Image image = plain(24, 16, {200, 100, 50});
  const auto decoded = decode_image(*encode_jpeg(image, 95), kLimits);
  ASSERT_TRUE(decoded);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) ASSERT_NEAR(decoded->rgb[i], image.rgb[i], 3);
}

TEST(EncodeJpeg, RefusesAQualityOrSizeThatMakesNoSense) {
  EXPECT_THAT(encode_jpeg(plain(2, 2, {}), 0).error().message, HasSubstr("quality 0"));
  EXPECT_THAT(encode_jpeg(plain(2, 2, {}), 101).error().message, HasSubstr("quality 101"));
  EXPECT_EQ(encode_jpeg({3, 3, std::vector<std::uint8_t>(5)}, 90).error().message,
            "5 bytes are not a picture of 3 x 3");
  EXPECT_EQ(encode_png({0, 0, {}}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(encode_jpeg(plain(70000, 1, {}), 90).error().message, HasSubstr("70000 x 1"));
}

TEST(FitImage, RefusesAPictureThatContradictsItself) {
  EXPECT_EQ(fit_image({2, 2, {1, 2, 3}}, {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(fit_image(plain(2, 2, {}), {0, ImageFit::kStretch, Resampling::kBilinear}).error().code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace warifu
