#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/workspace.h"
#include "io/picture_decoder.h"
#include "store/catalog.h"

namespace warifu {

// Small copies of items' pictures, made when they are first asked for and kept in <workspace>/thumbnails by content
// hash and width, so that a replaced picture never shows its old copy.
//
// Thread safety: get() from any thread.
class ThumbnailCache {
 public:
  // Widths are rounded up to one of these, so that the cache stays small.
  static constexpr int kWidths[] = {64, 128, 256, 512, 1024, 2048};

  ThumbnailCache(std::filesystem::path folder, std::shared_ptr<PictureDecoder> decoder)
      : folder_(std::move(folder)), decoder_(std::move(decoder)) {}

  // The WebP bytes; `picture` is the file behind the item. Errors of PictureDecoder::thumbnail; kNotFound where the
  // item has no picture or its file is gone.
  Result<std::vector<std::byte>> get(const Item& item, const std::filesystem::path& picture, int width,
                                     const ImageLimits& limits);
  // Forgets all copies of a picture.
  void drop(const std::string& image_hash);

  // What names the copy: the same for the same bytes.
  static std::string tag(const Item& item, int width);

 private:
  std::filesystem::path file(const std::string& image_hash, int width) const;

  std::filesystem::path folder_;
  std::shared_ptr<PictureDecoder> decoder_;
};

}  // namespace warifu
