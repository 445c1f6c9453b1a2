#include "codes/hamming_kernels.h"

// One loop for two kernels: what the popcount becomes (a table, shifts, or one instruction) is
// decided by the target of the function that it is inlined into. The lengths that are searched
// most have their number of words known when compiled, so that no loop over words remains.
namespace warifu {
namespace {

template <std::size_t kWords>
[[gnu::always_inline]] inline void distances_of(const std::uint64_t* query, const std::uint64_t* codes,
                                                std::size_t words, std::size_t count, std::uint16_t* distances) {
  const std::size_t width = kWords == 0 ? words : kWords;
  for (std::size_t i = 0; i < count; ++i, codes += width) {
    int differing = 0;
    for (std::size_t w = 0; w < width; ++w) differing += __builtin_popcountll(query[w] ^ codes[w]);
    distances[i] = static_cast<std::uint16_t>(differing);
  }
}

[[gnu::always_inline]] inline void distances_by_width(const std::uint64_t* query, const std::uint64_t* codes,
                                                      std::size_t words, std::size_t count, std::uint16_t* distances) {
  switch (words) {
    case 1:
      return distances_of<1>(query, codes, words, count, distances);
    case 2:
      return distances_of<2>(query, codes, words, count, distances);
    case 4:
      return distances_of<4>(query, codes, words, count, distances);
    default:
      return distances_of<0>(query, codes, words, count, distances);
  }
}

}  // namespace

void hamming_portable(const std::uint64_t* query, const std::uint64_t* codes, std::size_t words, std::size_t count,
                      std::uint16_t* distances) {
  distances_by_width(query, codes, words, count, distances);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) void hamming_popcnt(const std::uint64_t* query, const std::uint64_t* codes,
                                                      std::size_t words, std::size_t count, std::uint16_t* distances) {
  distances_by_width(query, codes, words, count, distances);
}
#endif

}  // namespace warifu
