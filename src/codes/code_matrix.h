#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/float_matrix.h"

namespace warifu {

// The longest code: a distance fits in 16 bits.
inline constexpr std::size_t kMaxCodeBits = 65535;

// n binary codes of `bits` bits (at most kMaxCodeBits), row-major, each row padded with zero bits to
// whole 64-bit words. Bit k of code i is (row(i)[k / 64] >> (k % 64)) & 1; bit 1 means sign +1.
class CodeMatrix {
 public:
  CodeMatrix() = default;
  CodeMatrix(std::size_t count, std::size_t bits)
      : count_(count), bits_(bits), words_per_code_((bits + 63) / 64), words_(count * words_per_code_) {}
  CodeMatrix(std::size_t count, std::size_t bits, std::vector<std::uint64_t> words)
      : count_(count), bits_(bits), words_per_code_((bits + 63) / 64), words_(std::move(words)) {
    assert(words_.size() == count_ * words_per_code_ && "a code matrix is given whole rows");
  }

  std::size_t count() const { return count_; }
  std::size_t bits() const { return bits_; }
  std::size_t words_per_code() const { return words_per_code_; }
  std::span<const std::uint64_t> row(std::size_t i) const {
    return {words_.data() + i * words_per_code_, words_per_code_};
  }
  std::span<std::uint64_t> row(std::size_t i) { return {words_.data() + i * words_per_code_, words_per_code_}; }
  // Rows begin … end - 1, one after the other.
  std::span<const std::uint64_t> rows(std::size_t begin, std::size_t end) const {
    return {words_.data() + begin * words_per_code_, (end - begin) * words_per_code_};
  }
  std::span<const std::uint64_t> words() const { return words_; }
  bool bit(std::size_t i, std::size_t k) const { return (row(i)[k / 64] >> (k % 64)) & 1U; }

  // Appends the rows of `other`; both have the same bits (or this one is empty and takes them).
  void append(const CodeMatrix& other);

 private:
  std::size_t count_ = 0;
  std::size_t bits_ = 0;
  std::size_t words_per_code_ = 0;
  std::vector<std::uint64_t> words_;
};

// Cuts real-valued outputs to bits: value >= 0 gives 1 (so sign(0) counts as +1), NaN gives 0.
CodeMatrix pack_signs(const FloatMatrix& values);

}  // namespace warifu
