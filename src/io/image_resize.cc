#include "io/image_resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace warifu {
namespace {

constexpr int kWeightBits = 22;  // 8 bits of value + 2 of headroom for negative lobes leave 22 of 32

double bilinear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

// For each output position: which inputs it sees and how much each counts.
struct Taps {
  std::size_t width = 0;   // weights kept per output
  std::vector<int> first;  // first input of each output
  std::vector<int> count;  // how many inputs
  std::vector<std::int32_t> weights;

  std::span<const std::int32_t> of(std::size_t output) const {
    return {weights.data() + output * width, static_cast<std::size_t>(count[output])};
  }
};

Taps make_taps(int in, int out, Resampling resampling) {
  const bool cubic = resampling == Resampling::kBicubic;
  const double scale = static_cast<double>(in) / out;
  const double stretch = std::max(scale, 1.0);
  const double support = (cubic ? 2.0 : 1.0) * stretch;
  Taps taps;
  taps.width = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  taps.weights.resize(taps.width * static_cast<std::size_t>(out));
  std::vector<double> weight(taps.width);
  for (int o = 0; o < out; ++o) {
    const double centre = (o + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int count = std::min(in, static_cast<int>(centre + support + 0.5)) - first;
    double sum = 0.0;
    for (int i = 0; i < count; ++i) {
      const double x = (i + first - centre + 0.5) * (1.0 / stretch);
      sum += weight[static_cast<std::size_t>(i)] = cubic ? bicubic(x) : bilinear(x);
    }
    std::int32_t* row = taps.weights.data() + static_cast<std::size_t>(o) * taps.width;
    for (int i = 0; i < count; ++i) {
      const double scaled = weight[static_cast<std::size_t>(i)] / sum * (1 << kWeightBits);
      row[i] = static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
    taps.first.push_back(first);
    taps.count.push_back(count);
  }
  return taps;
}

std::uint8_t to_byte(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255)); }

constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

Image resample_rows(const PixelView& in, int width, Resampling resampling) {
  const Taps taps = make_taps(in.width, width, resampling);
  Image out{width, in.height, std::vector<std::uint8_t>(std::size_t(width) * std::size_t(in.height) * 3)};
  std::uint8_t* to = out.rgb.data();
  for (int y = 0; y < in.height; ++y) {
    const std::uint8_t* row = in.rgb + std::size_t(y) * std::size_t(in.width) * 3;
    for (std::size_t x = 0; x < std::size_t(width); ++x, to += 3) {
      std::int32_t r = kHalf, g = kHalf, b = kHalf;
      const std::uint8_t* from = row + std::size_t(taps.first[x]) * 3;
      for (const std::int32_t w : taps.of(x)) {
        r += w * from[0];
        g += w * from[1];
        b += w * from[2];
        from += 3;
      }
      to[0] = to_byte(r);
      to[1] = to_byte(g);
      to[2] = to_byte(b);
    }
  }
  return out;
}

Image resample_columns(const PixelView& in, int height, Resampling resampling) {
  const Taps taps = make_taps(in.height, height, resampling);
  const std::size_t stride = std::size_t(in.width) * 3;
  Image out{in.width, height, std::vector<std::uint8_t>(stride * std::size_t(height))};
  std::vector<std::int32_t> sums(stride);
  for (std::size_t y = 0; y < std::size_t(height); ++y) {
    std::fill(sums.begin(), sums.end(), kHalf);
    const std::uint8_t* row = in.rgb + std::size_t(taps.first[y]) * stride;
    for (const std::int32_t w : taps.of(y)) {  // whole rows at a time: the compiler vectorises this
      for (std::size_t x = 0; x < stride; ++x) sums[x] += w * row[x];
      row += stride;
    }
    std::transform(sums.begin(), sums.end(), out.rgb.begin() + std::ptrdiff_t(y * stride), to_byte);
  }
  return out;
}

PixelView view(const Image& image) { return {image.rgb.data(), image.width, image.height}; }

// `inner` in the middle of a white size x size square, or its middle size x size square; both
// are the same copy with offsets of opposite sign.
Image centred(const Image& inner, int size) {
  Image out{size, size, std::vector<std::uint8_t>(std::size_t(size) * std::size_t(size) * 3, 255)};
  // nearbyint rounds halves to even, as torchvision's CenterCrop does.
  const auto offset = [size](int length) { return static_cast<int>(std::nearbyint((length - size) / 2.0)); };
  const int crop_x = offset(inner.width), crop_y = offset(inner.height);
  const int begin_x = std::max(0, -crop_x), end_x = std::min(size, inner.width - crop_x);
  for (int y = std::max(0, -crop_y); y < std::min(size, inner.height - crop_y); ++y) {
    const std::size_t from = (std::size_t(y + crop_y) * std::size_t(inner.width) + std::size_t(begin_x + crop_x)) * 3;
    const std::size_t to = (std::size_t(y) * std::size_t(size) + std::size_t(begin_x)) * 3;
    std::copy_n(inner.rgb.begin() + std::ptrdiff_t(from), std::size_t(end_x - begin_x) * 3,
                out.rgb.begin() + std::ptrdiff_t(to));
  }
  return out;
}

}  // namespace

Image resample(const PixelView& pixels, int width, int height, Resampling resampling) {
  if (width == pixels.width && height == pixels.height)
    return {width, height, {pixels.rgb, pixels.rgb + std::size_t(width) * std::size_t(height) * 3}};
  if (width == pixels.width) return resample_columns(pixels, height, resampling);
  Image image = resample_rows(pixels, width, resampling);
  return height == image.height ? image : resample_columns(view(image), height, resampling);
}

FittedSize fitted_size(int width, int height, const PictureFormat& format) {
  const int size = format.size;
  const auto within = [&] {  // long side becomes `size`
    const int side = std::max(width, height);
    const auto scaled = [&](int length) {
      return std::max(1, static_cast<int>((std::int64_t{length} * size * 2 + side) / (std::int64_t{side} * 2)));
    };
    return FittedSize{scaled(width), scaled(height)};
  };
  const auto covering = [&] {  // short side becomes `size`; the other is cut off, not rounded, as torchvision does
    const int side = std::min(width, height);
    const auto scaled = [&](int length) { return static_cast<int>(std::int64_t{length} * size / side); };
    return FittedSize{scaled(width), scaled(height)};
  };
  switch (format.fit) {
    case ImageFit::kShrinkOnly:
      return std::max(width, height) <= size ? FittedSize{width, height} : within();
    case ImageFit::kLetterbox:
      return within();
    case ImageFit::kStretch:
      return {size, size};
    case ImageFit::kCenterCrop:
      return covering();
  }
  return {size, size};
}

Image fit_pixels(const PixelView& pixels, const PictureFormat& format) {
  // A strip of extreme shape must not become an enormous picture only to be cut: it is cut first.
  if (format.fit == ImageFit::kCenterCrop) {
    const int side = std::min(pixels.width, pixels.height);
    if (std::max(pixels.width, pixels.height) / 64 >= side) {
      const Image whole{pixels.width,
                        pixels.height,
                        {pixels.rgb, pixels.rgb + std::size_t(pixels.width) * std::size_t(pixels.height) * 3}};
      const Image middle = centred(whole, side);
      return fit_pixels(view(middle), format);
    }
  }
  const FittedSize fitted = fitted_size(pixels.width, pixels.height, format);
  Image image = resample(pixels, fitted.width, fitted.height, format.resampling);
  const bool square = format.fit == ImageFit::kLetterbox || format.fit == ImageFit::kCenterCrop;
  if (!square || (image.width == format.size && image.height == format.size)) return image;
  return centred(image, format.size);
}

}  // namespace warifu
