#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "codes/code_matrix.h"

namespace warifu {

// Distances from one code to every code of a matrix.
//
//   query      words_per_code() words, padding bits zero
//   distances  [codes.count()] written; 0 … bits
//
// The kernel is chosen once, at run time, by what the processor can do (never by its name): plain
// popcount, the POPCNT instruction, AVX2 or AVX-512 VPOPCNTDQ. All give the same numbers.
// Thread safety: reentrant.
void hamming_distances(std::span<const std::uint64_t> query, const CodeMatrix& codes,
                       std::span<std::uint16_t> distances);

// The same for a run of whole rows, as CodeMatrix::rows() gives them: distances.size() codes of
// query.size() words each. For callers that scan in blocks.
void hamming_distances(std::span<const std::uint64_t> query, std::span<const std::uint64_t> codes,
                       std::span<std::uint16_t> distances);

// Name of the kernel in use ("avx512-vpopcntdq", "avx2", "popcnt", "portable"), for --version and
// reports.
std::string_view hamming_kernel_name();

}  // namespace warifu
