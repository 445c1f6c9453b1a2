#include "engine/explain_overlay.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace warifu {
namespace {

using Colour = std::array<double, 3>;
// Those of the page: told apart by people who see no red or no green, too.
constexpr Colour kPull = {0x0b, 0x63, 0xa5};
constexpr Colour kPush = {0xc2, 0x5a, 0x00};
constexpr double kStrongest = 0.6;  // share of the colour where the weight is 1
constexpr int kBorder = 2;          // pixels
constexpr int kGap = 12;            // between two pictures
constexpr int kSide = 640;          // the longest side of a picture

void blend(std::uint8_t* pixel, const Colour& colour, double share) {
  for (std::size_t c = 0; c < 3; ++c)
    pixel[c] = static_cast<std::uint8_t>(std::lround(pixel[c] * (1 - share) + colour[c] * share));
}

// Pixels of one cell, cut to the picture.
struct Box {
  int left, top, right, bottom;
};

Box box_of(const Image& picture, const ExplainedSide& side, std::size_t cell) {
  const auto row = static_cast<double>(cell / side.patches.columns);
  const auto column = static_cast<double>(cell % side.patches.columns);
  const auto rows = static_cast<double>(side.patches.rows), columns = static_cast<double>(side.patches.columns);
  const auto x = [&](double at) {
    const double place = (side.frame.x + side.frame.width * at / columns) * picture.width;
    return static_cast<int>(std::lround(std::clamp(place, 0.0, static_cast<double>(picture.width))));
  };
  const auto y = [&](double at) {
    const double place = (side.frame.y + side.frame.height * at / rows) * picture.height;
    return static_cast<int>(std::lround(std::clamp(place, 0.0, static_cast<double>(picture.height))));
  };
  return {x(column), y(row), x(column + 1), y(row + 1)};
}

std::uint8_t* pixel_at(Image& picture, int x, int y) {
  return picture.rgb.data() +
         (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) + static_cast<std::size_t>(x)) * 3;
}

void append_beside(Image& sheet, const Image& picture) {
  Image wider{sheet.width + kGap + picture.width, std::max(sheet.height, picture.height), {}};
  wider.rgb.assign(static_cast<std::size_t>(wider.width) * static_cast<std::size_t>(wider.height) * 3, 255);
  const auto copy = [&](const Image& from, int left) {
    const auto bytes = static_cast<std::size_t>(from.width) * 3;
    for (int y = 0; y < from.height; ++y)
      std::copy_n(from.rgb.data() + static_cast<std::size_t>(y) * bytes, bytes, pixel_at(wider, left, y));
  };
  copy(sheet, 0);
  copy(picture, sheet.width + kGap);
  sheet = std::move(wider);
}

}  // namespace

Image draw_patches(const Image& picture, const ExplainedSide& side) {
  Image drawn = picture;
  for (std::size_t cell = 0; cell < side.patches.weights.size(); ++cell) {
    const double weight = double{side.patches.weights[cell]};
    const Box box = box_of(picture, side, cell);
    for (int y = box.top; y < box.bottom; ++y)
      for (int x = box.left; x < box.right; ++x)
        blend(pixel_at(drawn, x, y), weight > 0 ? kPull : kPush, kStrongest * std::abs(weight));
  }
  for (const NamedPatch& patch : side.named_patches) {
    const Box box = box_of(picture, side, patch.row * side.patches.columns + patch.column);
    for (int y = box.top; y < box.bottom; ++y)
      for (int x = box.left; x < box.right; ++x) {
        const bool inside =
            x >= box.left + kBorder && x < box.right - kBorder && y >= box.top + kBorder && y < box.bottom - kBorder;
        if (!inside) blend(pixel_at(drawn, x, y), kPull, 1);
      }
  }
  return drawn;
}

Result<Image> draw_explanation(const Explanation& explanation, const PictureAs& query_picture,
                               const PictureAs& item_picture) {
  std::optional<Image> sheet;
  const auto add = [&](const ExplainedSide& side, const PictureAs& read) -> Result<void> {
    if (side.patches.weights.empty() || !read) return {};
    const auto picture = read({kSide, ImageFit::kShrinkOnly, Resampling::kBilinear});
    if (!picture) return std::unexpected(picture.error());
    Image drawn = draw_patches(*picture, side);
    if (sheet)
      append_beside(*sheet, drawn);
    else
      sheet = std::move(drawn);
    return {};
  };
  if (auto added = add(explanation.query, query_picture); !added) return std::unexpected(added.error());
  if (auto added = add(explanation.item, item_picture); !added) return std::unexpected(added.error());
  if (!sheet)
    return fail(ErrorCode::kInvalidArgument, "neither the query nor what matched is a picture",
                "explain without an overlay, or choose --half image");
  return std::move(*sheet);
}

}  // namespace warifu
