#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/byte_stream.h"
#include "io/npy.h"

namespace warifu {

// Writes `count` elements as floats to to[0], to[stride], to[2 * stride] …
using NpyConvert = void (*)(const std::byte* from, std::size_t count, std::size_t stride, float* to);

// How the values of an array lie in its file. The product of sizes has been checked: data_bytes()
// is below 2^46.
struct NpyLayout {
  NpyHeader header;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t element_bytes = 0;
  std::size_t preamble_bytes = 0;  // what lies before the values
  NpyConvert convert = nullptr;

  std::size_t data_bytes() const { return rows * cols * element_bytes; }
  bool by_columns() const { return header.fortran_order && rows > 1 && cols > 1; }
};

// Reads magic, version and header; the stream stands at the first value afterwards. kBadFormat.
Result<NpyLayout> read_npy_layout(ByteStream& stream);

// "truncated: shape [3, 4] of f4 needs 48 bytes, there are 40"
Fail npy_truncated(const NpyLayout& layout, std::uint64_t available);

}  // namespace warifu
