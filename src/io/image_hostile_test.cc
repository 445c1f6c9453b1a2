// Files that are not what they say, or want too much.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <chrono>
#include <fstream>
#include <string>

#include "io/image_file.h"
#include "io/pictures_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

// A drawing with enough detail that its file has a middle to lose.
Image noisy(int width, int height) {
  Image image{width, height, std::vector<std::uint8_t>(std::size_t(width) * std::size_t(height) * 3)};
  std::uint32_t state = 1;
  for (auto& value : image.rgb) value = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return image;
}

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string png_chunk(const std::string& type_and_data) {
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(type_and_data.data()), uInt(type_and_data.size()));
  return big_endian(std::uint32_t(type_and_data.size() - 4)) + type_and_data + big_endian(std::uint32_t(crc));
}

// A complete PNG of one-bit grey zeros: a few kilobytes for any size.
std::vector<std::byte> png_bomb(std::uint32_t width, std::uint32_t height) {
  const std::string rows(std::size_t(width / 8 + 1) * height, '\0');
  std::string packed(compressBound(uLong(rows.size())), '\0');
  uLongf size = uLongf(packed.size());
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
            uLong(rows.size()), 9);
  packed.resize(size);
  using namespace std::string_literals;
  return bytes_of("\x89PNG\r\n\x1a\n" + png_chunk("IHDR" + big_endian(width) + big_endian(height) + "\1\0\0\0\0"s) +
                  png_chunk("IDAT" + packed) + png_chunk("IEND"));
}

class HostileFiles : public testing::Test {
 protected:
  HostileFiles() { std::filesystem::create_directories(folder_); }
  ~HostileFiles() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, std::span<const std::byte> bytes) const {
    std::ofstream(folder_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return folder_ / name;
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("warifu_hostile_" + std::to_string(getpid()));
};

TEST(HostilePicture, ABombIsRefusedFromItsHeaderInMilliseconds) {
  const auto bomb = png_bomb(10000, 10000);
  ASSERT_LT(bomb.size(), 20000U);
  const auto start = std::chrono::steady_clock::now();
  const auto decoded = decode_image(bomb, kLimits);
  const auto took = std::chrono::steady_clock::now() - start;
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(decoded.error().message, "10000 x 10000 = 100.0 megapixels, the limit is 60");
  EXPECT_FALSE(decoded.error().hint.empty());
  EXPECT_LT(took, std::chrono::milliseconds(500));  // decoding it takes longer than that; starting libvips is included
}

TEST(HostilePicture, TruncationIsNoticedInEveryKind) {
  const auto jpeg = *encode_jpeg(noisy(120, 90), 90);
  const auto png = *encode_png(noisy(120, 90));
  for (const auto* whole : {&jpeg, &png})
    for (const double part : {0.02, 0.3, 0.7, 0.97}) {
      const auto size = static_cast<std::ptrdiff_t>(static_cast<double>(whole->size()) * part);
      const std::vector<std::byte> cut(whole->begin(), whole->begin() + size);
      for (const bool fitted : {false, true}) {
        const auto decoded =
            decode_image(cut, kLimits, fitted ? std::optional<PictureFormat>(PictureFormat{}) : std::nullopt);
        ASSERT_FALSE(decoded) << part;
        EXPECT_EQ(decoded.error().code, ErrorCode::kBadFormat);
        EXPECT_THAT(decoded.error().message, HasSubstr("is truncated: its end is missing"));
      }
    }
}

TEST(HostilePicture, DamageInTheMiddleOfAPngIsNoticed) {
  auto png = *encode_png(noisy(120, 90));
  for (std::size_t i = png.size() / 2; i < png.size() / 2 + 50; ++i) png[i] ^= std::byte{0x55};
  const auto decoded = decode_image(png, kLimits);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().message, "the PNG is damaged or truncated");
}

TEST(HostilePicture, MessagesAreOneLineWithoutLibraryNames) {
  auto png = *encode_png(noisy(60, 60));
  png.resize(png.size() / 2);
  const std::string message = decode_image(png, kLimits).error().message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_EQ(message.find("vips"), std::string::npos);
}

TEST_F(HostileFiles, AreNamedWithTheirReason) {
  const auto empty = decode_image(write("empty.jpg", {}), kLimits);
  EXPECT_EQ(empty.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(empty.error().message, HasSubstr("empty.jpg: the file is empty (0 bytes)"));

  const auto text = decode_image(write("text.jpg", bytes_of("Dear Sir or Madam,\nplease find enclosed")), kLimits);
  EXPECT_EQ(text.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(text.error().message, HasSubstr("text.jpg: not a picture of a known kind"));

  const auto missing = decode_image(folder_ / "missing.jpg", kLimits);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("missing.jpg"));

  const auto directory = decode_image(folder_, kLimits);
  EXPECT_EQ(directory.error().code, ErrorCode::kInvalidArgument);

  const auto large = decode_image(write("large.png", *encode_png(noisy(60, 60))), ImageLimits{1000, 60});
  EXPECT_EQ(large.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(large.error().message, HasSubstr("large.png"));
}

TEST(HostilePicture, ATallFrameOfAFewBytesTakesNoQuadraticTime) {
  // A GIF whose only frame says it is 1 x 60000; drawn in one piece, libvips takes a minute for it.
  using namespace std::string_literals;
  const std::string gif =
      "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xFF\xFF\xFF"
      ",\x00\x00\x00\x00\x01\x00\x60\xEA\x00\x02\x02\x4C\x01\x00;"s;
  const auto start = std::chrono::steady_clock::now();
  const auto decoded = decode_image(bytes_of(gif), kLimits, PictureFormat{});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_TRUE(!decoded || decoded->rgb.size() == 224U * 224 * 3);
}

TEST(HostilePicture, OtherFormatsOfTheLibraryAreBlocked) {
  for (const std::string_view foreign :
       {"%PDF-1.4\n1 0 obj\n", "P6\n1 1\n255\nabc", "1,2,3\n4,5,6\n", "#?RADIANCE\n", "push graphic-context\n"}) {
    const auto decoded = decode_image(bytes_of(foreign), kLimits);
    ASSERT_FALSE(decoded) << foreign;
    EXPECT_EQ(decoded.error().code, ErrorCode::kBadFormat) << foreign;
  }
}

TEST(HostileSvg, AHugeDrawingIsRenderedSmall) {
  const auto decoded = decode_image(bytes_of("<svg xmlns='http://www.w3.org/2000/svg' width='200000' height='100000'>"
                                             "<rect width='200000' height='100000' fill='green'/></svg>"),
                                    kLimits);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->width, 2048);
  EXPECT_EQ(decoded->height, 1024);
}

TEST(HostileSvg, ADrawingOfImpossibleShapeIsAnErrorOrSmall) {
  for (const std::string_view size : {"width='1000000' height='1'", "width='1' height='1000000'",
                                      "width='1e30' height='1e30'", "width='0' height='0'", "width='-5' height='5'"}) {
    const auto decoded = decode_image(bytes_of("<svg xmlns='http://www.w3.org/2000/svg' " + std::string(size) +
                                               "><rect width='9' height='9'/></svg>"),
                                      kLimits, PictureFormat{});
    if (decoded) {
      EXPECT_EQ(decoded->rgb.size(), 224U * 224 * 3) << size;
    } else {
      EXPECT_EQ(decoded.error().code, ErrorCode::kBadFormat) << size;
    }
  }
}

TEST_F(HostileFiles, AnSvgCannotReadOtherFiles) {
  Image black{8, 8, std::vector<std::uint8_t>(8 * 8 * 3, 0)};
  const auto secret = write("secret.png", *encode_png(black));
  const auto text = write("secret.txt", bytes_of("<rect width='8' height='8' fill='black'/>"));
  const std::string open =
      "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' "
      "width='8' height='8'>";
  const std::string entity = "<!DOCTYPE svg [<!ENTITY stolen SYSTEM 'file://" + text.string() + "'>]>";
  const std::vector<std::string> drawings = {
      open + "<image width='8' height='8' xlink:href='file://" + secret.string() + "'/></svg>",
      open + "<image width='8' height='8' href='" + secret.string() + "'/></svg>",
      open + "<image width='8' height='8' href='secret.png'/></svg>",
      open + "<image width='8' height='8' href='http://127.0.0.1:9/secret.png'/></svg>",
      open + "<style>@import url('file://" + text.string() + "');</style></svg>",
      open + "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='file://" + text.string() + "'/></svg>",
      entity + open + "&stolen;</svg>",
  };
  for (std::size_t i = 0; i < drawings.size(); ++i)
    for (const bool from_file : {false, true}) {
      const auto decoded = from_file ? decode_image(write("thief.svg", bytes_of(drawings[i])), kLimits)
                                     : decode_image(bytes_of(drawings[i]), kLimits);
      if (decoded) {
        EXPECT_THAT(decoded->rgb, testing::Each(255)) << drawings[i];
      } else {
        EXPECT_EQ(decoded.error().code, ErrorCode::kBadFormat) << drawings[i];
      }
    }
}

TEST(HostileSvg, ABillionLaughsAreNotTold) {
  std::string svg = "<!DOCTYPE svg [<!ENTITY a 'haha'>";
  for (char name = 'b'; name < 'm'; ++name) {
    svg += std::string("<!ENTITY ") + name + " '";
    for (int i = 0; i < 10; ++i) svg += std::string("&") + static_cast<char>(name - 1) + ";";
    svg += "'>";
  }
  svg += "]><svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><text>&l;</text></svg>";
  EXPECT_EQ(decode_image(bytes_of(svg), kLimits).error().message, "the SVG declares entities made of entities");
}

TEST(HostileSvg, PlainEntitiesAsIllustratorWritesThemAreFine) {
  const auto decoded = decode_image(
      bytes_of("<!DOCTYPE svg [<!ENTITY ns_svg \"http://www.w3.org/2000/svg\"> <!ENTITY ink '#0000ff'>]>"
               "<svg xmlns='&ns_svg;' width='4' height='4'><rect width='4' height='4' fill='&ink;'/></svg>"),
      kLimits);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->rgb[2], 255);
  EXPECT_EQ(decoded->rgb[0], 0);
}

TEST(HostileSvg, ACompressedOneIsRefusedBecauseItMayBeABomb) {
  const auto decoded = decode_image(bytes_of("\x1F\x8B\x08 some deflate data"), kLimits);
  EXPECT_EQ(decoded.error().message, "compressed with gzip, not a picture");
}

}  // namespace
}  // namespace warifu
