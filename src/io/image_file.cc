#include "io/image_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "io/image_resize.h"
#include "io/picture_limits.h"
#include "io/vips_runtime.h"

namespace warifu {
namespace {

using Bytes = std::span<const std::byte>;

// A drawing has no pixels of its own. However large it calls itself, it is rendered with a long
// side of at most this.
constexpr double kMaxDrawingSide = 2048.0;

constexpr std::string_view kKnownKinds = "known kinds: JPEG, PNG, WebP, GIF, TIFF, SVG, HEIF/AVIF";

enum class Kind { kJpeg, kPng, kWebp, kGif, kTiff, kSvg, kHeif };

struct KindRow {
  std::string_view loader;  // how libvips names its class
  Kind kind;
  std::string_view name;  // how people name it
};

constexpr std::array kKinds = {
    KindRow{"VipsForeignLoadJpeg", Kind::kJpeg, "JPEG"}, KindRow{"VipsForeignLoadPng", Kind::kPng, "PNG"},
    KindRow{"VipsForeignLoadWebp", Kind::kWebp, "WebP"}, KindRow{"VipsForeignLoadNsgif", Kind::kGif, "GIF"},
    KindRow{"VipsForeignLoadTiff", Kind::kTiff, "TIFF"}, KindRow{"VipsForeignLoadSvg", Kind::kSvg, "SVG"},
    KindRow{"VipsForeignLoadHeif", Kind::kHeif, "HEIF"},
};

// Undecoded or half-processed pixels on their way through libvips, with what the messages need.
struct Picture {
  VipsPtr image;
  KindRow kind;
  Bytes bytes;
};

std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

bool ends_early(Bytes bytes, Kind kind) {
  // Some writers leave padding after the end mark.
  const std::string_view tail = as_text(bytes.last(std::min<std::size_t>(bytes.size(), 1024)));
  if (kind == Kind::kJpeg) return tail.find("\xFF\xD9") == std::string_view::npos;
  if (kind == Kind::kPng) return tail.find("IEND") == std::string_view::npos;
  return false;
}

Fail damaged(const Picture& picture) {
  forget_vips_errors();
  const std::string name(picture.kind.name);
  if (ends_early(picture.bytes, picture.kind.kind))
    return fail(ErrorCode::kBadFormat, "the " + name + " is truncated: its end is missing",
                "copy or download it again");
  return fail(ErrorCode::kBadFormat, "the " + name + " is damaged or truncated", "check that a viewer opens it");
}

Result<KindRow> detect_kind(Bytes bytes) {
  const std::string_view text = as_text(bytes);
  if (text.starts_with("\x1F\x8B"))
    return fail(ErrorCode::kBadFormat, "compressed with gzip, not a picture", "unpack it first");
  if (text.starts_with("%PDF"))
    return fail(ErrorCode::kBadFormat, "a PDF, not a picture", "turn its pages into PNG files first");
  const char* loader = vips_foreign_find_load_buffer(bytes.data(), bytes.size());
  if (loader != nullptr)
    for (const KindRow& row : kKinds)
      if (std::string_view(loader).starts_with(row.loader)) return row;
  forget_vips_errors();
  return fail(ErrorCode::kBadFormat, "not a picture of a known kind", std::string(kKnownKinds));
}

// Reads the header; pixels follow when they are asked for.
VipsPtr open_pixels(Bytes bytes) {
  return VipsPtr(vips_image_new_from_buffer(bytes.data(), bytes.size(), "", "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                            VIPS_FAIL_ON_ERROR, nullptr));
}

VipsPtr open_jpeg_shrunk(Bytes bytes, int shrink) {
  return VipsPtr(vips_image_new_from_buffer(bytes.data(), bytes.size(), "", "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                            VIPS_FAIL_ON_ERROR, "shrink", shrink, nullptr));
}

VipsPtr open_drawing(Bytes bytes, double scale) {
  return VipsPtr(vips_image_new_from_buffer(bytes.data(), bytes.size(), "", "scale", scale, nullptr));
}

// Entities made of entities are how a kilobyte of XML becomes gigabytes. Drawing programs declare
// plain ones only (Illustrator's name spaces).
bool nests_entities(std::string_view svg) {
  constexpr std::string_view kDeclaration = "<!ENTITY";
  for (auto at = svg.find(kDeclaration); at != svg.npos; at = svg.find(kDeclaration, at + kDeclaration.size())) {
    const auto open = svg.find_first_of("'\"", at);
    const auto close = open == svg.npos ? svg.npos : svg.find(svg[open], open + 1);
    if (close == svg.npos) return true;  // never closed: nothing to draw in any case
    const std::string_view value = svg.substr(open + 1, close - open - 1);
    for (std::size_t i = 0; i < value.size(); ++i)
      if ((value[i] == '&' && !value.substr(i + 1).starts_with('#')) || value[i] == '%') return true;
  }
  return false;
}

// A drawing is rendered at the size it will be used at, so that small icons are not blurred and
// large plans not wasted.
double drawing_scale(double width, double height, const std::optional<PictureFormat>& format) {
  double scale = 1.0;
  if (format && format->fit != ImageFit::kShrinkOnly) scale = format->size / std::min(width, height);
  return std::min(scale, kMaxDrawingSide / std::max(width, height));
}

// The largest of 1, 2, 4, 8 by which libjpeg may shrink while decoding so that at least twice the
// wanted size is left for the resampler: then the result does not visibly differ.
int jpeg_shrink(const VipsImage* image, const PictureFormat& format) {
  const int width = vips_image_get_width(image), height = vips_image_get_height(image);
  const FittedSize wanted = fitted_size(width, height, format);
  int shrink = 8;
  while (shrink > 1 && (width / shrink < 2 * wanted.width || height / shrink < 2 * wanted.height)) shrink /= 2;
  return shrink;
}

Result<void> check_megapixels(const VipsImage* image, const ImageLimits& limits) {
  const int width = vips_image_get_width(image), height = vips_image_get_height(image);
  const double megapixels = static_cast<double>(width) * height / 1e6;
  if (megapixels <= limits.max_megapixels) return {};
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("{} x {} = {:.1f} megapixels, the limit is {}", width, height, megapixels, limits.max_megapixels),
      "make the picture smaller or raise the limit");
}

Result<Picture> open_picture(Bytes bytes, const ImageLimits& limits, const std::optional<PictureFormat>& format) {
  auto kind = detect_kind(bytes);
  if (!kind) return Fail(kind.error());
  if (kind->kind == Kind::kSvg && nests_entities(as_text(bytes)))
    return fail(ErrorCode::kBadFormat, "the SVG declares entities made of entities", "save it as plain SVG");
  Picture picture{open_pixels(bytes), *kind, bytes};
  if (!picture.image) return damaged(picture);
  if (kind->kind == Kind::kSvg) {
    const double scale =
        drawing_scale(vips_image_get_width(picture.image.get()), vips_image_get_height(picture.image.get()), format);
    if (scale != 1.0) picture.image = open_drawing(bytes, scale);
    if (!picture.image) return damaged(picture);
  }
  if (auto ok = check_megapixels(picture.image.get(), limits); !ok) return Fail(ok.error());
  if (kind->kind == Kind::kJpeg && format) {
    if (const int shrink = jpeg_shrink(picture.image.get(), *format); shrink > 1)
      picture.image = open_jpeg_shrunk(bytes, shrink);
    if (!picture.image) return damaged(picture);
  }
  return picture;
}

// True if the embedded profile calls itself sRGB: converting would only add rounding noise, and
// the references of every model ignore such profiles.
bool has_srgb_profile(VipsImage* image) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_get_blob(image, VIPS_META_ICC_NAME, &data, &size) != 0) return false;
  const std::string_view profile(static_cast<const char*>(data), size);
  constexpr std::string_view kUtf16 = std::string_view("s\0R\0G\0B", 7);  // "sRGB" in ICC v4 is big-endian UTF-16
  return profile.find("sRGB") != std::string_view::npos || profile.find(kUtf16) != std::string_view::npos;
}

// Puts what `operation(in, &out)` makes of the picture in its place; false if it fails.
template <typename Operation>
bool step(Picture& picture, const Operation& operation) {
  VipsImage* out = nullptr;
  if (operation(picture.image.get(), &out) != 0) return false;
  picture.image.reset(out);
  return true;
}

bool lay_on_white(Picture& picture) {
  VipsImage* image = picture.image.get();
  const VipsBandFormat format = vips_image_get_format(image);
  if (!vips_image_hasalpha(image) || (format != VIPS_FORMAT_UCHAR && format != VIPS_FORMAT_USHORT)) return true;
  const double white_level = format == VIPS_FORMAT_USHORT ? 65535.0 : 255.0;
  VipsArrayDouble* white = vips_array_double_newv(1, white_level);
  const bool done = step(picture, [&](VipsImage* in, VipsImage** out) {
    return vips_flatten(in, out, "background", white, "max_alpha", white_level, nullptr);
  });
  vips_area_unref(VIPS_AREA(white));
  return done;
}

// CMYK, and RGB of a wider gamut than sRGB (phones), by their profile. A broken profile is no reason
// to lose the picture: its numbers are then taken as they are.
void apply_profile(Picture& picture) {
  VipsImage* image = picture.image.get();
  const bool cmyk = vips_image_guess_interpretation(image) == VIPS_INTERPRETATION_CMYK;
  const bool foreign = vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0 && !has_srgb_profile(image);
  if (!cmyk && !foreign) return;
  const bool done = step(picture, [&](VipsImage* in, VipsImage** out) {
    return vips_icc_transform(in, out, "srgb", "embedded", TRUE, "input_profile", cmyk ? "cmyk" : "srgb", "intent",
                              VIPS_INTENT_RELATIVE, nullptr);
  });
  if (!done) forget_vips_errors();
}

// Whatever is left to do for three bands of 8 bits.
bool to_srgb(Picture& picture) {
  const auto extract = [&](int count) {
    return step(picture,
                [&](VipsImage* in, VipsImage** out) { return vips_extract_band(in, out, 0, "n", count, nullptr); });
  };
  if (vips_image_guess_interpretation(picture.image.get()) != VIPS_INTERPRETATION_sRGB &&
      vips_colourspace_issupported(picture.image.get()) && !step(picture, [](VipsImage* in, VipsImage** out) {
        return vips_colourspace(in, out, VIPS_INTERPRETATION_sRGB, nullptr);
      }))
    return false;
  if (vips_image_get_format(picture.image.get()) != VIPS_FORMAT_UCHAR &&
      !step(picture, [](VipsImage* in, VipsImage** out) { return vips_cast_uchar(in, out, nullptr); }))
    return false;
  const int bands = vips_image_get_bands(picture.image.get());
  if (bands == 3) return true;
  if (bands > 3) return extract(3);
  if (bands == 2 && !extract(1)) return false;
  return step(picture, [](VipsImage* in, VipsImage** out) {
    std::array<VipsImage*, 3> grey = {in, in, in};
    return vips_bandjoin(grey.data(), out, 3, nullptr);
  });
}

// Turning needs pixels in any order, so they are decoded first.
bool turn_upright(Picture& picture) {
  if (vips_image_get_orientation(picture.image.get()) <= 1) return true;
  picture.image.reset(vips_image_copy_memory(picture.image.get()));
  return picture.image && step(picture, [](VipsImage* in, VipsImage** out) { return vips_autorot(in, out, nullptr); });
}

// Up to here libvips has only noted what to do; this does it and hands the pixels to `use`.
// Small pictures are computed in one piece by the calling thread: waking libvips' worker and
// cutting the work into strips costs as much as decoding. Large ones keep the strips, which bound
// the memory between the steps; so do tall ones, for whose many lines libvips' line cache would
// take quadratic time.
template <typename Use>
std::optional<Image> compute(Picture& picture, const Use& use) {
  constexpr std::int64_t kSmallPixels = 1 << 20;
  constexpr int kSmallHeight = 2048;
  const VipsRect all = {0, 0, vips_image_get_width(picture.image.get()), vips_image_get_height(picture.image.get())};
  if (std::int64_t{all.width} * all.height <= kSmallPixels && all.height <= kSmallHeight) {
    const std::unique_ptr<VipsRegion, VipsUnref> region(vips_region_new(picture.image.get()));
    if (!region || vips_region_prepare(region.get(), &all) != 0) return std::nullopt;
    assert(VIPS_REGION_LSKIP(region.get()) == static_cast<std::size_t>(all.width) * 3 && "rows lie end to end");
    return use(PixelView{VIPS_REGION_ADDR(region.get(), 0, 0), all.width, all.height});
  }
  picture.image.reset(vips_image_copy_memory(picture.image.get()));
  if (!picture.image) return std::nullopt;
  return use(PixelView{VIPS_IMAGE_ADDR(picture.image.get(), 0, 0), all.width, all.height});
}

Result<void> check_format(const PictureFormat& format) {
  constexpr int kMaxSide = 8192;
  if (format.size >= 1 && format.size <= kMaxSide) return {};
  return fail(ErrorCode::kInvalidArgument, fmt::format("picture size {} is not in 1 … {}", format.size, kMaxSide));
}

}  // namespace

Result<Image> decode_image(std::span<const std::byte> bytes, const ImageLimits& limits,
                           const std::optional<PictureFormat>& format) {
  if (auto ok = start_vips(); !ok) return Fail(ok.error());
  if (format)
    if (auto ok = check_format(*format); !ok) return Fail(ok.error());
  if (auto ok = check_picture_bytes(bytes.size(), limits); !ok) return Fail(ok.error());
  auto picture = open_picture(bytes, limits, format);
  if (!picture) return Fail(picture.error());
  if (!lay_on_white(*picture)) return damaged(*picture);
  apply_profile(*picture);
  if (!to_srgb(*picture) || !turn_upright(*picture)) return damaged(*picture);
  auto image = compute(*picture, [&](const PixelView& pixels) {
    if (format) return fit_pixels(pixels, *format);
    return resample(pixels, pixels.width, pixels.height, Resampling::kBilinear);  // the same size: a copy
  });
  if (!image) return damaged(*picture);
  return std::move(*image);
}

Result<Image> decode_image(const std::filesystem::path& path, const ImageLimits& limits,
                           const std::optional<PictureFormat>& format) {
  auto bytes = read_file(path, limits.max_bytes);
  if (!bytes) return Fail(bytes.error());
  auto image = decode_image(*bytes, limits, format);
  if (!image) return with_context(path.string(), image.error());
  return image;
}

Result<Image> fit_image(const Image& image, const PictureFormat& format) {
  if (auto ok = check_format(format); !ok) return Fail(ok.error());
  if (image.width < 1 || image.height < 1 ||
      image.rgb.size() != static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} bytes are not a picture of {} x {}", image.rgb.size(), image.width, image.height));
  return fit_pixels({image.rgb.data(), image.width, image.height}, format);
}

}  // namespace warifu
