#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/image.h"

namespace warifu {

// A rectangle of pixels; it may reach over the picture's edge.
struct PictureRegion {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

struct MaskedPicture {
  Image image;
  std::size_t faces = 0;  // regions blurred; where two detectors see one face, it counts once
  std::size_t plates = 0;
};

// Where Debian's package opencv-data puts what was learnt of faces and plates.
inline constexpr const char* kCascadeFolder = "/usr/share/opencv4/haarcascades";

// Makes a region unreadable: of what lies in it, at most 6 x 6 averages are left, drawn smoothly; nothing can bring
// back more than those. What lies outside the picture is ignored.
void blur_region(Image& image, const PictureRegion& region);

// Finds faces (from the front and from both sides) and number plates with OpenCV's Haar cascades and blurs them, each
// region with a fifth of its size around it. A cascade misses some and sees some that are none: small, turned, covered
// or dark faces are missed more often, and plates were learnt in the European form (docs/guide/anonymise.md).
//
// Detection works on a picture of at most 1280 pixels a side, so that its cost is bounded; blurring on the picture
// itself. The same picture gives the same result on the same machine.
//
// Thread safety: mask() may be called from any number of threads; each that runs at a time has detectors of its own
// (about 20 MB), which are kept for the next call.
class PictureMask {
 public:
  // kNotFound naming the package to install if a cascade is not there, kBadFormat if it cannot be read.
  static Result<PictureMask> load(const std::filesystem::path& cascades = kCascadeFolder);

  PictureMask(PictureMask&&) noexcept;
  PictureMask& operator=(PictureMask&&) noexcept;
  ~PictureMask();

  // kInvalidArgument for an image whose sizes do not agree.
  Result<MaskedPicture> mask(Image image) const;

 private:
  class Pool;
  explicit PictureMask(std::unique_ptr<Pool> pool);

  std::unique_ptr<Pool> pool_;
};

}  // namespace warifu
