#pragma once

#include <cassert>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace warifu {

// rows x cols floats, row-major and dense: a batch of features as every room below and above the
// tensors understands it. Copying copies the values.
class FloatMatrix {
 public:
  FloatMatrix() = default;
  FloatMatrix(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols), values_(rows * cols) {}
  FloatMatrix(std::size_t rows, std::size_t cols, std::vector<float> values)
      : rows_(rows), cols_(cols), values_(std::move(values)) {
    assert(values_.size() == rows * cols && "a matrix is given exactly rows * cols values");
  }

  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }
  bool empty() const { return values_.empty(); }

  std::span<const float> row(std::size_t i) const { return {values_.data() + i * cols_, cols_}; }
  std::span<float> row(std::size_t i) { return {values_.data() + i * cols_, cols_}; }
  std::span<const float> values() const { return values_; }
  std::span<float> values() { return values_; }

 private:
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::vector<float> values_;
};

}  // namespace warifu
