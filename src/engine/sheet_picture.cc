#include "engine/sheet_picture.h"

#include <algorithm>

#include "io/image_file.h"
#include "io/text_image.h"

namespace warifu {
namespace {

constexpr int kThumbnail = 120;
constexpr int kCaption = 34;  // pixels of text under a thumbnail
constexpr int kGap = 10;
constexpr int kQueryWidth = 180;
constexpr int kTitle = 36;
constexpr std::size_t kMaxHits = 10;

class Canvas {
 public:
  Canvas(int width, int height) : image_{width, height, {}} {
    image_.rgb.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, 255);
  }

  // Lays `part` at (left, top), cut at the canvas' edges.
  void put(const Image& part, int left, int top) {
    const int width = std::min(part.width, image_.width - left);
    for (int y = 0; y < part.height && top + y < image_.height; ++y) {
      if (width <= 0) return;
      const auto from = part.rgb.begin() + static_cast<std::ptrdiff_t>(y) * part.width * 3;
      std::copy(from, from + static_cast<std::ptrdiff_t>(width) * 3,
                image_.rgb.begin() + (static_cast<std::ptrdiff_t>(top + y) * image_.width + left) * 3);
    }
  }

  // Words in a box; a text that cannot be drawn leaves the box empty.
  void write(const std::string& text, int left, int top, int width, int height, int points) {
    if (const auto drawn = draw_text(text, width, height, points)) put(*drawn, left, top);
  }

  Image take() { return std::move(image_); }

 private:
  Image image_;
};

void put_picture(Canvas& canvas, const std::filesystem::path& path, int left, int top) {
  const auto image =
      decode_image(path, ImageLimits{}, PictureFormat{kThumbnail, ImageFit::kLetterbox, Resampling::kBicubic});
  if (image) canvas.put(*image, left, top);
}

}  // namespace

Result<Image> draw_sheet(const std::string& title, std::span<const SheetRow> rows) {
  std::size_t columns = 1;
  for (const SheetRow& row : rows) columns = std::max(columns, std::min(row.hits.size(), kMaxHits));
  const int line = kThumbnail + kCaption + 2 * kGap;
  const int width = kQueryWidth + static_cast<int>(columns) * (kThumbnail + kGap) + 2 * kGap;
  Canvas canvas(width, kTitle + static_cast<int>(rows.size()) * line + kGap);
  canvas.write(title, kGap, kGap, width - 2 * kGap, kTitle - kGap, 13);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const SheetRow& row = rows[r];
    const int top = kTitle + static_cast<int>(r) * line + kGap;
    if (row.picture) put_picture(canvas, *row.picture, kGap, top);
    canvas.write(row.words.empty() ? "by this picture" : "“" + row.words + "”", kGap,
                 row.picture ? top + kThumbnail + 2 : top, kQueryWidth - 2 * kGap, row.picture ? kCaption : kThumbnail,
                 12);
    for (std::size_t h = 0; h < std::min(row.hits.size(), kMaxHits); ++h) {
      const FoundItem& found = row.hits[h];
      const int left = kQueryWidth + static_cast<int>(h) * (kThumbnail + kGap);
      if (!found.picture.empty()) put_picture(canvas, found.picture, left, top);
      canvas.write(distance_text(found) + "  " + found.item.text.value_or(""), left, top + kThumbnail + 2, kThumbnail,
                   kCaption, 8);
    }
  }
  return canvas.take();
}

}  // namespace warifu
