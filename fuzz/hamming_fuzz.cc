// Holds every Hamming kernel that this processor runs against the plain bit-by-bit loop: the first
// byte of the input chooses the number of words, the rest are a query and codes.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "codes/hamming_kernels.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t words = 1 + data[0] % 20;
  std::vector<std::uint64_t> numbers((size - 1) / sizeof(std::uint64_t));
  if (numbers.size() < words) return 0;
  std::memcpy(numbers.data(), data + 1, numbers.size() * sizeof(std::uint64_t));
  const std::size_t count = numbers.size() / words - 1;
  const std::uint64_t* const query = numbers.data();
  const std::uint64_t* const codes = query + words;
  for (const warifu::HammingKernelEntry& entry : warifu::hamming_kernels()) {
    if (!entry.runs_here()) continue;
    const auto distances = std::make_unique<std::uint16_t[]>(count);
    entry.kernel(query, codes, words, count, distances.get());
    for (std::size_t i = 0; i < count; ++i) {
      unsigned differing = 0;
      for (std::size_t w = 0; w < words; ++w)
        for (std::uint64_t bits = query[w] ^ codes[i * words + w]; bits != 0; bits &= bits - 1) ++differing;
      if (distances[i] != differing) std::abort();
    }
  }
  return 0;
}
