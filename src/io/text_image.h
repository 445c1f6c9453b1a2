#pragma once

#include <string>

#include "base/error.h"
#include "base/image.h"

namespace warifu {

// Words in black on white, wrapped to `width` and cut at `height` pixels, in the installed sans-serif
// fonts. `text` is plain; markup in it is shown, not obeyed. kInvalidArgument for an empty text or box;
// kInternal if this libvips draws no text.
Result<Image> draw_text(const std::string& text, int width, int height, int points);

}  // namespace warifu
