#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/float_matrix.h"
#include "io/npy.h"

namespace warifu {

// The rows of an NPY file one after another, read in blocks of at most 4 MiB (one row if wider).
class FeatureRows {
 public:
  static Result<FeatureRows> open(const std::filesystem::path& path);

  std::size_t rows() const { return reader_->rows(); }
  const std::string& name() const { return name_; }  // "image.npy", for messages

  // The next row. kBadFormat if the file is truncated, or there are no more rows.
  Result<std::vector<float>> next();

 private:
  explicit FeatureRows(std::unique_ptr<NpyRowReader> reader);

  std::string name_;
  std::unique_ptr<NpyRowReader> reader_;
  FloatMatrix block_;
  std::size_t in_block_ = 0;  // rows of block_ that are filled
  std::size_t next_ = 0;      // of these, the next to give out
};

// Says which value of a row is no number; success if all are finite.
Result<void> check_finite(const std::vector<float>& row, const std::string& name);

}  // namespace warifu
