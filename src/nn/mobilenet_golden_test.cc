#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/image_file.h"
#include "io/npy.h"
#include "nn/frozen_tower.h"

namespace warifu {
namespace {

const std::filesystem::path kData = std::filesystem::path(WARIFU_SHARED_DIR) / "data";
constexpr std::size_t kPictures = 64;

// The first pictures of the archive by their names without folder and extension.
std::map<std::string, Image> first_pictures(const std::filesystem::path& tar) {
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  EXPECT_EQ(archive_read_open_filename(reader.get(), tar.c_str(), 1 << 16), ARCHIVE_OK);
  std::map<std::string, Image> pictures;
  archive_entry* entry = nullptr;
  while (pictures.size() < kPictures && archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    const std::filesystem::path path = archive_entry_pathname(entry);
    if (path.extension() != ".jpg") continue;
    std::vector<std::byte> bytes(static_cast<std::size_t>(archive_entry_size(entry)));
    EXPECT_EQ(archive_read_data(reader.get(), bytes.data(), bytes.size()), static_cast<la_ssize_t>(bytes.size()));
    auto picture = decode_image(bytes, ImageLimits{});
    EXPECT_TRUE(picture.has_value()) << path;
    if (picture) pictures.emplace(path.stem(), *std::move(picture));
  }
  return pictures;
}

// Row of each id in pairs.csv, whose order the features follow.
std::map<std::string, std::size_t> row_of_id(const std::filesystem::path& csv) {
  std::ifstream file(csv);
  std::map<std::string, std::size_t> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) rows.emplace(line.substr(0, line.find(',')), rows.size());
  return rows;
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

TEST(MobilenetV2Golden, FeaturesOfRealPhotosAgreeWithTheReferenceToCosine0999) {
  if (!std::filesystem::exists(kData / "weights/mobilenet_v2.safetensors") ||
      !std::filesystem::exists(kData / "fashion"))
    GTEST_SKIP() << "no weights or photos at " << kData;
  const auto tower =
      load_frozen_tower({"mobilenet_v2", kData / "weights/mobilenet_v2.safetensors", {}}, Modality::kImage);
  ASSERT_TRUE(tower.has_value()) << tower.error().message;
  const auto pictures = first_pictures(kData / "fashion/images.tar.gz");
  const auto rows = row_of_id(kData / "fashion/pairs.csv");
  const auto reference = read_npy_matrix(kData / "fashion/image_mobilenetv2_u8.npy.gz");
  ASSERT_TRUE(reference.has_value()) << reference.error().message;
  ASSERT_EQ(reference->rows(), rows.size());
  ASSERT_EQ(pictures.size(), kPictures);

  std::vector<Image> batch;
  for (const auto& [id, picture] : pictures) batch.push_back(picture);
  const auto features = (*tower)->encode_pictures(batch);
  ASSERT_TRUE(features.has_value()) << features.error().message;
  std::size_t i = 0;
  double lowest = 1;
  for (const auto& [id, picture] : pictures) {
    lowest = std::min(lowest, cosine(features->row(i++), reference->row(rows.at(id))));
  }
  RecordProperty("lowest_cosine", std::to_string(lowest));
  EXPECT_GE(lowest, 0.999);
}

}  // namespace
}  // namespace warifu
