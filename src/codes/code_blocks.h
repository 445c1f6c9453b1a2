#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "codes/code_matrix.h"

namespace warifu {

inline constexpr std::size_t kBlockCodes = 64;

// Codes cut into blocks of 64 for scanning. Inside a block lie byte 0 of its 64 codes, then byte 1 of all of
// them, and so on, so that one vector instruction works on the same byte of many codes and a code's distance
// grows in a byte lane of its own:
//
//   byte p of code i  =  planes[(i / 64 * bytes_per_code() + p) * 64 + i % 64]
//
// The last block is whole; what lies in its lanes behind `count` is not looked at. Padding bits of a last byte
// are zero. A view owns nothing. Thread safety: it is read only.
struct BlockView {
  const std::uint8_t* planes = nullptr;  // block_bytes() bytes, best aligned to 64
  std::size_t count = 0;                 // at most 2^32 - 64: positions in a view have 32 bits
  std::uint32_t bits = 0;                // 1 … kMaxCodeBits

  std::size_t bytes_per_code() const { return (std::size_t{bits} + 7) / 8; }
  std::size_t blocks() const { return (count + kBlockCodes - 1) / kBlockCodes; }
  std::size_t block_bytes() const { return blocks() * kBlockCodes * bytes_per_code(); }
  std::uint8_t byte(std::size_t i, std::size_t p) const {
    return planes[((i / kBlockCodes) * bytes_per_code() + p) * kBlockCodes + i % kBlockCodes];
  }
};

// The codes of positions begin … end - 1 as rows of words again.
CodeMatrix unblock(const BlockView& codes, std::size_t begin, std::size_t end);
inline CodeMatrix unblock(const BlockView& codes) { return unblock(codes, 0, codes.count); }

// Cuts rows to blocks: blocks of `codes` into `planes`, of view-of-so-many-codes block_bytes() bytes. Lanes behind
// the last code are zero.
void block_codes(const CodeMatrix& codes, std::span<std::uint8_t> planes);

// Blocks in memory of their own, aligned to 64 bytes.
class CodeBlocks {
 public:
  CodeBlocks() = default;
  explicit CodeBlocks(const CodeMatrix& codes);
  // Of `bits` bits, all zero, to be filled by block_codes or place.
  CodeBlocks(std::size_t count, std::uint32_t bits);

  BlockView view() const { return {planes_.get(), count_, bits_}; }
  std::span<std::uint8_t> planes() { return {planes_.get(), view().block_bytes()}; }
  // Writes code i; `code` has whole words.
  void place(std::size_t i, std::span<const std::uint64_t> code);

 private:
  struct AlignedDelete {
    void operator()(std::uint8_t* planes) const;
  };
  std::size_t count_ = 0;
  std::uint32_t bits_ = 0;
  std::unique_ptr<std::uint8_t[], AlignedDelete> planes_;
};

// Byte p of a query four times over, as kernels read it: words[p].
std::vector<std::uint32_t> query_planes(std::span<const std::uint64_t> query, std::uint32_t bits);

}  // namespace warifu
