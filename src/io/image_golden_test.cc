// Real photographs, decoded.
#include <gtest/gtest.h>

#include "io/archive_stream.h"
#include "io/image_file.h"

namespace warifu {
namespace {

TEST(FashionPhotos, DecodeTo224SquareAndPassThroughTheirOwnSizeUntouched) {
  const auto archive_path = std::filesystem::path(WARIFU_SHARED_DIR) / "data" / "fashion" / "images.tar.gz";
  if (!std::filesystem::exists(archive_path)) GTEST_SKIP() << "no reference data at " << archive_path;
  auto archive = ArchiveStream::open(archive_path, ArchiveKind::kTar);
  ASSERT_TRUE(archive) << archive.error().message;
  for (int photos = 0; photos < 200; ++photos) {
    const auto member = archive->next();
    ASSERT_TRUE(member && *member);
    const auto bytes = archive->read(std::size_t{1} << 20);
    ASSERT_TRUE(bytes);
    const auto plain = decode_image(*bytes, {});
    ASSERT_TRUE(plain) << (*member)->name << ": " << plain.error().message;
    EXPECT_EQ(plain->width, 224);
    EXPECT_EQ(plain->height, 224);
    const auto fitted = decode_image(*bytes, {}, PictureFormat{224, ImageFit::kCenterCrop, Resampling::kBicubic});
    ASSERT_TRUE(fitted);
    ASSERT_EQ(fitted->rgb, plain->rgb) << (*member)->name;
  }
}

}  // namespace
}  // namespace warifu
