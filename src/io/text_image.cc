#include "io/text_image.h"

#include <algorithm>
#include <memory>

#include "io/vips_runtime.h"

namespace warifu {
namespace {

struct GFree {
  void operator()(void* memory) const { g_free(memory); }
};

}  // namespace

Result<Image> draw_text(const std::string& text, int width, int height, int points) {
  if (text.empty() || width < 1 || height < 1 || points < 1)
    return fail(ErrorCode::kInvalidArgument, "no text, or no room to draw it in");
  if (auto ok = start_vips(); !ok) return Fail(ok.error());
  const std::unique_ptr<char, GFree> escaped(g_markup_escape_text(text.c_str(), static_cast<gssize>(text.size())));
  const std::string font = "sans " + std::to_string(points);
  VipsImage* drawn = nullptr;
  if (vips_text(&drawn, escaped.get(), "font", font.c_str(), "width", width, nullptr) != 0)
    return forget_vips_errors(), fail(ErrorCode::kInternal, "this libvips cannot draw '" + text + "'");
  const VipsPtr mask(drawn);
  std::size_t size = 0;
  const std::unique_ptr<void, GFree> memory(vips_image_write_to_memory(mask.get(), &size));
  if (!memory) return forget_vips_errors(), fail(ErrorCode::kInternal, "no memory to draw '" + text + "'");
  // One byte a pixel: how much ink.
  const auto* ink = static_cast<const unsigned char*>(memory.get());
  const int mask_width = vips_image_get_width(mask.get());
  Image image{std::min(width, mask_width), std::min(height, vips_image_get_height(mask.get())), {}};
  image.rgb.reserve(static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const auto offset =
          static_cast<std::size_t>(y) * static_cast<std::size_t>(mask_width) + static_cast<std::size_t>(x);
      image.rgb.insert(image.rgb.end(), 3, static_cast<std::uint8_t>(255 - ink[offset]));
    }
  return image;
}

}  // namespace warifu
