#include "engine/thumbnails.h"

#include <algorithm>
#include <iterator>

#include "base/file.h"

namespace warifu {
namespace {

constexpr int kQuality = 80;
constexpr std::size_t kMaxThumbnailBytes = std::size_t{16} << 20;

int rounded_up(int width) {
  const auto* found = std::ranges::lower_bound(ThumbnailCache::kWidths, width);
  return found == std::end(ThumbnailCache::kWidths) ? *std::prev(found) : *found;
}

}  // namespace

std::string ThumbnailCache::tag(const Item& item, int width) {
  return item.image_hash + "-" + std::to_string(rounded_up(width));
}

std::filesystem::path ThumbnailCache::file(const std::string& image_hash, int width) const {
  return folder_ / image_hash.substr(0, 2) / (image_hash + "-" + std::to_string(width) + ".webp");
}

Result<std::vector<std::byte>> ThumbnailCache::get(const Item& item, const std::filesystem::path& picture, int width,
                                                   const ImageLimits& limits) {
  if (item.image_hash.empty() || picture.empty())
    return fail(ErrorCode::kNotFound, "the item '" + item.id + "' has no picture");
  const auto cached = file(item.image_hash, rounded_up(width));
  if (auto bytes = read_file(cached, kMaxThumbnailBytes)) return bytes;
  const auto bytes = read_file(picture, limits.max_bytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto made = decoder_->thumbnail(*bytes, rounded_up(width), limits, ThumbnailForm::kWebp, kQuality);
  if (!made) return made;
  std::error_code failure;
  std::filesystem::create_directories(cached.parent_path(), failure);
  static_cast<void>(write_file_atomically(cached, *made));  // a cache: it is made anew the next time
  return made;
}

void ThumbnailCache::drop(const std::string& image_hash) {
  std::error_code failure;
  for (const int width : kWidths) std::filesystem::remove(file(image_hash, width), failure);
}

}  // namespace warifu
