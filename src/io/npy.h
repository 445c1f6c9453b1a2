#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/float_matrix.h"

namespace warifu {

// NPY v1/v2/v3 arrays of numbers: b1, u1 … u8, i1 … i8, f2, f4, f8, either byte order, C or Fortran
// order, plain or gzip-compressed (".npy.gz"). Objects, records, text and complex numbers are
// refused: nothing is ever unpickled.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
struct NpyHeader {
  std::string dtype;  // "f4", "u1", "i8" … : kind and bytes
  bool fortran_order = false;
  bool big_endian = false;
  std::vector<std::size_t> shape;
};

// Reads rows of a 1-D (one column) or 2-D array as floats, a part at a time, so that a large file
// never lies in memory whole; the exception is a compressed array in Fortran order, at most 2 GiB.
// Integers and doubles are rounded to the nearest float; NaN and infinities pass through.
//
// The header is hostile: lengths and products are checked before use. A plain file shorter than
// its header says is refused on opening, a compressed one when the reading comes to the gap. Bytes after the
// array are ignored, as numpy does.
//
// Thread safety: none; one owner.
class NpyRowReader {
 public:
  virtual ~NpyRowReader() = default;
  virtual const NpyHeader& header() const = 0;
  virtual std::size_t rows() const = 0;
  virtual std::size_t cols() const = 0;  // at most 16,777,216
  // Fills up to out.rows() next rows; returns how many (0 at the end). kInvalidArgument if
  // out.cols() != cols(), kBadFormat if truncated.
  virtual Result<std::size_t> read(FloatMatrix& out) = 0;
};

Result<std::unique_ptr<NpyRowReader>> open_npy(const std::filesystem::path& path);

// The whole array as floats (a 1-D array is one column). Messages name the file.
Result<FloatMatrix> read_npy_matrix(const std::filesystem::path& path);

// Writes NPY v1.0, little-endian, C order: float32 [rows, cols], or uint8 [rows, cols] from bytes
// (kInvalidArgument unless there are rows * cols of them). Atomic.
Result<void> write_npy(const std::filesystem::path& path, const FloatMatrix& matrix);
Result<void> write_npy_u8(const std::filesystem::path& path, std::span<const std::uint8_t> values, std::size_t rows,
                          std::size_t cols);

}  // namespace warifu
