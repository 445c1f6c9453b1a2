#include "codes/code_matrix.h"

namespace warifu {

void CodeMatrix::append(const CodeMatrix& other) {
  if (other.count_ == 0 && bits_ != 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  assert(other.bits_ == bits_ && "codes of different lengths never share a matrix");
  words_.reserve(words_.size() + other.words_.size());
  // By index: `other` may be this matrix, whose words move as it grows.
  // NOLINTNEXTLINE(modernize-loop-convert)
  for (std::size_t i = 0, added = other.words_.size(); i < added; ++i) words_.push_back(other.words_[i]);
  count_ += other.count_;
}

CodeMatrix pack_signs(const FloatMatrix& values) {
  CodeMatrix codes(values.rows(), values.cols());
  for (std::size_t i = 0; i < values.rows(); ++i) {
    const std::span<const float> outputs = values.row(i);
    const std::span<std::uint64_t> code = codes.row(i);
    // A comparison with NaN is false, which is the bit 0 that the header promises.
    for (std::size_t k = 0; k < outputs.size(); ++k)
      code[k / 64] |= static_cast<std::uint64_t>(outputs[k] >= 0.0F) << (k % 64);
  }
  return codes;
}

}  // namespace warifu
