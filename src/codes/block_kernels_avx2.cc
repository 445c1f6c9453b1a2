#if defined(__x86_64__)
#include <immintrin.h>

// AVX2 has no popcount: the bits of a byte are counted by looking up its two halves in a table of 16 entries.
// Source: W. Muła, N. Kurz and D. Lemire, "Faster Population Counts Using AVX2 Instructions", The Computer Journal
// 61(1), 2018.
#define WARIFU_TARGET __attribute__((target("avx2,popcnt")))
#define WARIFU_AVX2 WARIFU_TARGET __attribute__((always_inline)) static inline

#include "codes/block_loops.h"

namespace warifu {
namespace {

struct Avx2 : OneByOne {
  using Vector = __m256i;
  static constexpr std::size_t kLanes = 32;
  static constexpr std::size_t kBlocksAlone = 1;
  static constexpr bool kSaturates = true;

  WARIFU_AVX2 Vector load(const std::uint8_t* bytes) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  }
  WARIFU_AVX2 void store(std::uint8_t* bytes, Vector v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), v); }
  WARIFU_AVX2 Vector broadcast(std::uint32_t bytes) { return _mm256_set1_epi32(static_cast<int>(bytes)); }
  WARIFU_AVX2 Vector differing(Vector a, Vector b) {
    const __m256i bits_of_nibble = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                                    0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low_nibble = _mm256_set1_epi8(0x0F);
    const __m256i bits = _mm256_xor_si256(a, b);
    const __m256i low = _mm256_shuffle_epi8(bits_of_nibble, _mm256_and_si256(bits, low_nibble));
    const __m256i high = _mm256_shuffle_epi8(bits_of_nibble, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low_nibble));
    return _mm256_add_epi8(low, high);
  }
  WARIFU_AVX2 Vector add(Vector a, Vector b) { return _mm256_adds_epu8(a, b); }
  WARIFU_AVX2 std::uint64_t below(Vector v, Vector limits) {
    // v >= limits where the larger of the two is v.
    const __m256i not_below = _mm256_cmpeq_epi8(_mm256_max_epu8(v, limits), v);
    return ~static_cast<std::uint32_t>(_mm256_movemask_epi8(not_below));
  }

  WARIFU_TARGET static TakenBytes take_where(const std::uint8_t* values, const std::uint8_t* keep, std::size_t count,
                                             std::uint8_t* kept) {
    TakenBytes taken;
    Vector seen = _mm256_setzero_si256();
    std::size_t i = 0;
    for (; i + 32 <= count; i += 32) {
      const Vector there = load(keep + i);
      seen = _mm256_or_si256(seen, there);
      const __m256i unmarked = _mm256_cmpeq_epi8(there, _mm256_setzero_si256());
      for (std::uint32_t marks = ~static_cast<std::uint32_t>(_mm256_movemask_epi8(unmarked)); marks != 0;
           marks &= marks - 1)
        kept[taken.count++] = values[i + static_cast<std::size_t>(__builtin_ctz(marks))];
    }
    for (; i < count; ++i) {
      if (keep[i] != 0) kept[taken.count++] = values[i];
      taken.marks |= keep[i];
    }
    std::uint8_t bytes[32];
    store(bytes, seen);
    for (const std::uint8_t byte : bytes) taken.marks |= byte;
    return taken;
  }

  using Counts = __m256i;
  // Of the halves one is counted up from 4 and one down, so that the instruction which adds up differences of bytes
  // adds both (the same source).
  WARIFU_AVX2 Counts count(Counts counts, Vector a, Vector b) {
    const __m256i up = _mm256_setr_epi8(4, 5, 5, 6, 5, 6, 6, 7, 5, 6, 6, 7, 6, 7, 7, 8,  //
                                        4, 5, 5, 6, 5, 6, 6, 7, 5, 6, 6, 7, 6, 7, 7, 8);
    const __m256i down = _mm256_setr_epi8(4, 3, 3, 2, 3, 2, 2, 1, 3, 2, 2, 1, 2, 1, 1, 0,  //
                                          4, 3, 3, 2, 3, 2, 2, 1, 3, 2, 2, 1, 2, 1, 1, 0);
    const __m256i low_nibble = _mm256_set1_epi8(0x0F);
    const __m256i bits = _mm256_xor_si256(a, b);
    const __m256i low = _mm256_shuffle_epi8(up, _mm256_and_si256(bits, low_nibble));
    const __m256i high = _mm256_shuffle_epi8(down, _mm256_and_si256(_mm256_srli_epi16(bits, 4), low_nibble));
    return _mm256_add_epi64(counts, _mm256_sad_epu8(low, high));
  }
  WARIFU_AVX2 std::uint64_t total(Counts counts) {
    alignas(32) std::uint64_t words[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(words), counts);
    return words[0] + words[1] + words[2] + words[3];
  }
};

bool has_avx2() { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("popcnt") != 0; }

}  // namespace

constinit const BlockKernels kAvx2BlockKernels = kernels_of<Avx2>("avx2", has_avx2);

}  // namespace warifu
#endif
