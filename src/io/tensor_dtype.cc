#include "io/tensor_dtype.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "io/half.h"
#include "io/safetensors.h"

namespace warifu {
namespace {

struct Bool {
  std::uint8_t value;
};
struct Half {
  std::uint16_t value;
};
struct Bfloat16 {
  std::uint16_t value;
};

template <typename T>
float to_float(T value) {
  return static_cast<float>(value);
}
float to_float(Bool b) { return b.value != 0 ? 1.0F : 0.0F; }
float to_float(Half h) { return half_to_float(h.value); }
float to_float(Bfloat16 b) { return bfloat16_to_float(b.value); }

template <typename T>
void convert(std::span<const std::byte> from, std::span<float> to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    T value;
    std::memcpy(&value, from.data() + i * sizeof(T), sizeof(T));
    to[i] = to_float(value);
  }
}

struct ElementType {
  std::string_view dtype;
  std::size_t bytes;
  void (*convert)(std::span<const std::byte> from, std::span<float> to);  // null: can be carried, not read
};

constexpr std::array kElementTypes = {
    ElementType{"BOOL", 1, convert<Bool>},
    ElementType{"U8", 1, convert<std::uint8_t>},
    ElementType{"I8", 1, convert<std::int8_t>},
    ElementType{"F8_E5M2", 1, nullptr},
    ElementType{"F8_E4M3", 1, nullptr},
    ElementType{"U16", 2, convert<std::uint16_t>},
    ElementType{"I16", 2, convert<std::int16_t>},
    ElementType{"F16", 2, convert<Half>},
    ElementType{"BF16", 2, convert<Bfloat16>},
    ElementType{"U32", 4, convert<std::uint32_t>},
    ElementType{"I32", 4, convert<std::int32_t>},
    ElementType{"F32", 4, convert<float>},
    ElementType{"U64", 8, convert<std::uint64_t>},
    ElementType{"I64", 8, convert<std::int64_t>},
    ElementType{"F64", 8, convert<double>},
};

Result<ElementType> find_type(std::string_view dtype) {
  std::string known;
  for (const ElementType& type : kElementTypes) {
    if (type.dtype == dtype) return type;
    known += (known.empty() ? "" : ", ") + std::string(type.dtype);
  }
  return fail(ErrorCode::kBadFormat, "element type '" + std::string(dtype.substr(0, 20)) + "' is unknown",
              "known types: " + known);
}

}  // namespace

Result<std::size_t> tensor_element_bytes(std::string_view dtype) {
  const auto type = find_type(dtype);
  if (!type) return std::unexpected(type.error());
  return type->bytes;
}

Result<std::size_t> tensor_bytes(std::string_view dtype, std::span<const std::int64_t> shape) {
  const auto element = tensor_element_bytes(dtype);
  if (!element) return element;
  std::size_t bytes = *element;
  // A size of 0 makes the whole empty, however large the others: they are looked at all the same.
  for (const std::int64_t size : shape) {
    if (size < 0) return fail(ErrorCode::kBadFormat, "a size of its shape is " + std::to_string(size));
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes) || bytes > (std::size_t{1} << 62))
      return fail(ErrorCode::kBadFormat, "its shape is too large to be real");
  }
  return bytes;
}

Result<std::vector<float>> to_floats(const TensorView& tensor) {
  const auto type = find_type(tensor.dtype);
  if (!type) return std::unexpected(type.error());
  if (type->convert == nullptr)
    return fail(ErrorCode::kIncompatible, "elements of type " + tensor.dtype + " cannot be read as floats",
                "convert the weights to F16 or F32");
  if (tensor.bytes.size() % type->bytes != 0)
    return fail(ErrorCode::kInvalidArgument,
                std::to_string(tensor.bytes.size()) + " bytes are not whole elements of " + tensor.dtype);
  std::vector<float> values(tensor.bytes.size() / type->bytes);
  type->convert(tensor.bytes, values);
  return values;
}

}  // namespace warifu
