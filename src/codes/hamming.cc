#include "codes/hamming.h"

#include <algorithm>
#include <cassert>

#include "codes/hamming_kernels.h"

namespace warifu {
namespace {

const HammingKernelEntry& chosen_kernel() {
  static const HammingKernelEntry& chosen =
      *std::ranges::find_if(hamming_kernels(), [](const HammingKernelEntry& entry) { return entry.runs_here(); });
  return chosen;
}

}  // namespace

void hamming_distances(std::span<const std::uint64_t> query, const CodeMatrix& codes,
                       std::span<std::uint16_t> distances) {
  assert(query.size() == codes.words_per_code() && "a query has as many words as the codes it is compared with");
  assert(distances.size() == codes.count() && "one distance for each code");
  hamming_distances(query, codes.words(), distances);
}

void hamming_distances(std::span<const std::uint64_t> query, std::span<const std::uint64_t> codes,
                       std::span<std::uint16_t> distances) {
  assert(codes.size() == distances.size() * query.size() && "whole codes of the query's length");
  assert(query.size() <= (kMaxCodeBits + 63) / 64 && "a distance fits in 16 bits");
  chosen_kernel().kernel(query.data(), codes.data(), query.size(), distances.size(), distances.data());
}

std::string_view hamming_kernel_name() { return chosen_kernel().name; }

}  // namespace warifu
