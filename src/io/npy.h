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

// NPY v1/v2/v3 arrays of numbers, C order, little-endian (Fortran order and big-endian are
// converted while reading). Plain or gzip-compressed (".npy.gz").
struct NpyHeader {
  std::string dtype;  // "f4", "u1", "i8" … : kind and bytes
  bool fortran_order = false;
  bool big_endian = false;
  std::vector<std::size_t> shape;
};

// Reads rows of a 1-D or 2-D numeric array as floats, a part at a time, so that a large file never
// lies in memory whole. The header is hostile: lengths and products are checked before use.
class NpyRowReader {
 public:
  virtual ~NpyRowReader() = default;
  virtual const NpyHeader& header() const = 0;
  virtual std::size_t rows() const = 0;
  virtual std::size_t cols() const = 0;
  // Fills up to out.rows() next rows; returns how many (0 at the end). kBadFormat if truncated.
  virtual Result<std::size_t> read(FloatMatrix& out) = 0;
};

Result<std::unique_ptr<NpyRowReader>> open_npy(const std::filesystem::path& path);

// The whole array as floats (a 1-D array is one column). Message and hint name the file.
Result<FloatMatrix> read_npy_matrix(const std::filesystem::path& path);

// Writes NPY v1.0: float32 [rows, cols], or uint8 [rows, cols] from bytes. Atomic.
Result<void> write_npy(const std::filesystem::path& path, const FloatMatrix& matrix);
Result<void> write_npy_u8(const std::filesystem::path& path, std::span<const std::uint8_t> values, std::size_t rows,
                          std::size_t cols);

}  // namespace warifu
