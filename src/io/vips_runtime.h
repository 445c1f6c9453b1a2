#pragma once

#include <vips/vips.h>

#include <memory>

#include "base/error.h"

// What the sources of this room that call libvips share. Not included outside io/.
namespace warifu {

struct VipsUnref {
  void operator()(void* object) const { g_object_unref(object); }
};
using VipsPtr = std::unique_ptr<VipsImage, VipsUnref>;

// Starts libvips on the first call (any thread): one thread a picture, because callers run many
// pictures side by side; no cache of operations, because it would keep pixels and could answer for a
// buffer that is long gone; and only the loaders in kPictureLoaders. Everything else (ImageMagick,
// PDF through poppler, CSV, raw …) is blocked.
Result<void> start_vips();

// Forgets what libvips noted about a failure. Its notes are one buffer for all threads, so they
// cannot be quoted: the sentence of one picture would end up in the message of another.
void forget_vips_errors();

}  // namespace warifu
