#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

namespace warifu {

// Number of bits in which two codes of the same length differ; padding bits are zero. For one pair at a time: many
// are compared with block_kernels.h.
inline std::uint32_t hamming_distance(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b) {
  assert(a.size() == b.size() && "codes of one length");
  int differing = 0;
  for (std::size_t w = 0; w < a.size(); ++w) differing += std::popcount(a[w] ^ b[w]);
  return static_cast<std::uint32_t>(differing);
}

}  // namespace warifu
