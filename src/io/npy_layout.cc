#include "io/npy_layout.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "io/half.h"
#include "io/npy_header.h"

namespace warifu {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are read and written as they lie in memory");
static_assert(std::numeric_limits<float>::is_iec559, "a double beyond float's range becomes an infinity");

constexpr std::size_t kMaxDictionaryBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxCols = std::size_t{1} << 24;
constexpr std::size_t kMaxBytes = std::size_t{1} << 46;  // products stay far from overflow

template <typename T>
float to_float(T value) {
  return static_cast<float>(value);
}
struct Bool {
  std::uint8_t value;
};
struct Half {
  std::uint16_t value;
};
float to_float(Bool b) { return b.value != 0 ? 1.0F : 0.0F; }
float to_float(Half h) { return half_to_float(h.value); }

template <typename T, bool kSwap>
void convert(const std::byte* from, std::size_t count, std::size_t stride, float* to) {
  for (std::size_t i = 0; i < count; ++i) {
    std::array<std::byte, sizeof(T)> raw;
    std::memcpy(raw.data(), from + i * sizeof(T), sizeof(T));
    if constexpr (kSwap) std::reverse(raw.begin(), raw.end());
    to[i * stride] = to_float(std::bit_cast<T>(raw));
  }
}

struct Element {
  std::string_view dtype;
  std::size_t bytes;
  NpyConvert little;
  NpyConvert big;
};

template <typename T>
constexpr Element element(std::string_view dtype) {
  return {dtype, sizeof(T), convert<T, false>, convert<T, true>};
}

constexpr std::array kElements = {
    element<Bool>("b1"),          element<std::uint8_t>("u1"),  element<std::uint16_t>("u2"),
    element<std::uint32_t>("u4"), element<std::uint64_t>("u8"), element<std::int8_t>("i1"),
    element<std::int16_t>("i2"),  element<std::int32_t>("i4"),  element<std::int64_t>("i8"),
    element<Half>("f2"),          element<float>("f4"),         element<double>("f8"),
};

// --- layout ---

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text = "[";
  for (const std::size_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

Result<NpyLayout> check_layout(NpyHeader header) {
  const auto& shape = header.shape;
  const std::string shown = shape_text(shape);
  if (shape.empty() || shape.size() > 2)
    return fail(ErrorCode::kBadFormat,
                "an array of shape " + shown + " has " + std::to_string(shape.size()) +
                    " dimensions, rows of features need 2 (or 1)",
                "reshape it: numpy.save(name, array.reshape(len(array), -1))");
  NpyLayout layout;
  layout.rows = shape[0];
  layout.cols = shape.size() == 2 ? shape[1] : 1;
  if (layout.cols == 0 || layout.cols > kMaxCols)
    return fail(ErrorCode::kBadFormat, "an array of shape " + shown + ": columns are 1 to " + std::to_string(kMaxCols));
  for (const Element& element : kElements) {
    if (element.dtype != header.dtype) continue;
    layout.element_bytes = element.bytes;
    layout.convert = header.big_endian ? element.big : element.little;
  }
  if (layout.rows > kMaxBytes / layout.cols / layout.element_bytes)
    return fail(ErrorCode::kBadFormat, "an array of shape " + shown + " is too large to be real");
  layout.header = std::move(header);
  return layout;
}

Fail not_npy() {
  return fail(ErrorCode::kBadFormat, "is not an NPY array (it does not begin with \\x93NUMPY)",
              "write it with numpy.save(name, array)");
}

}  // namespace

Fail npy_truncated(const NpyLayout& layout, std::uint64_t available) {
  return fail(ErrorCode::kBadFormat,
              "truncated: shape " + shape_text(layout.header.shape) + " of " + layout.header.dtype + " needs " +
                  std::to_string(layout.data_bytes()) + " bytes, there are " + std::to_string(available),
              "copy the file again");
}

Result<NpyLayout> read_npy_layout(ByteStream& stream) {
  std::array<unsigned char, 12> start{};  // magic 6, version 2, length 2 or 4
  const auto read = [&](std::size_t offset, std::size_t count) -> Result<bool> {
    const auto got = stream.read(std::as_writable_bytes(std::span(start)).subspan(offset, count));
    if (!got) return std::unexpected(got.error());
    return *got == count;
  };
  auto whole = read(0, 10);
  if (!whole) return std::unexpected(whole.error());
  if (!*whole || std::memcmp(start.data(), "\x93NUMPY", 6) != 0) return not_npy();
  std::size_t length = start[8] | static_cast<std::size_t>(start[9]) << 8;
  std::size_t before = 10;
  if (start[6] == 2 || start[6] == 3) {
    whole = read(10, 2);
    if (!whole) return std::unexpected(whole.error());
    if (!*whole) return not_npy();
    length |= static_cast<std::size_t>(start[10]) << 16 | static_cast<std::size_t>(start[11]) << 24;
    before = 12;
  } else if (start[6] != 1) {
    return fail(ErrorCode::kBadFormat, "is NPY version " + std::to_string(start[6]) + ", known are 1, 2 and 3");
  }
  if (length > kMaxDictionaryBytes)
    return fail(ErrorCode::kBadFormat, "the NPY header says it has " + std::to_string(length) +
                                           " bytes, the limit is " + std::to_string(kMaxDictionaryBytes));
  std::string dictionary(length, '\0');
  const auto got = stream.read(std::as_writable_bytes(std::span(dictionary)));
  if (!got) return std::unexpected(got.error());
  if (*got < length) return fail(ErrorCode::kBadFormat, "truncated within the NPY header", "copy the file again");
  auto header = parse_npy_dictionary(dictionary);
  if (!header) return std::unexpected(header.error());
  auto layout = check_layout(std::move(*header));
  if (layout) layout->preamble_bytes = before + length;
  return layout;
}

}  // namespace warifu
