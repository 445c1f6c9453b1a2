#include "codes/hamming_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

// AVX-512 VPOPCNTDQ counts the bits of eight words in one instruction; what is left is to add the
// words of a code and to narrow the sums.
#define WARIFU_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512vpopcntdq")))

namespace warifu {
namespace {

// The zero-masked forms with all bits set stand for the plain ones, which GCC 12 takes for reads of
// an uninitialized vector (its bug 105593).
constexpr __mmask8 kAllEight = 0xFF;

// The first `words` (at most 8) words; the rest are zero and are not read.
WARIFU_AVX512 inline __m512i load_words(const std::uint64_t* from, std::size_t words = 8) {
  const auto mask = static_cast<__mmask8>(words >= 8 ? 0xFFU : (1U << words) - 1U);
  return _mm512_maskz_loadu_epi64(mask, from);
}

WARIFU_AVX512 inline __m512i differing_bits(__m512i query, __m512i codes) {
  return _mm512_popcnt_epi64(_mm512_xor_si512(query, codes));
}

// The sums of neighbouring words of a and b, those of a first.
WARIFU_AVX512 inline __m512i add_pairs(__m512i a, __m512i b) {
  const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
  const __m512i odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
  return _mm512_add_epi64(_mm512_permutex2var_epi64(a, even, b), _mm512_permutex2var_epi64(a, odd, b));
}

// Eight sums of 64 bits to the first `count` (at most 8) distances.
WARIFU_AVX512 inline void store_distances(__m512i sums, std::size_t count, std::uint16_t* distances) {
  const auto mask = static_cast<__mmask8>(count >= 8 ? 0xFFU : (1U << count) - 1U);
  _mm_mask_storeu_epi16(distances, mask, _mm512_maskz_cvtepi64_epi16(kAllEight, sums));
}

WARIFU_AVX512 void one_word(const std::uint64_t* query, const std::uint64_t* codes, std::size_t count,
                            std::uint16_t* distances) {
  const __m512i q = _mm512_set1_epi64(static_cast<long long>(*query));
  for (std::size_t i = 0; i < count; i += 8) {
    const std::size_t left = count - i;
    store_distances(differing_bits(q, load_words(codes + i, left)), left, distances + i);
  }
}

// Both return how many codes they handled, eight at a time.
WARIFU_AVX512 std::size_t two_words(const std::uint64_t* query, const std::uint64_t* codes, std::size_t count,
                                    std::uint16_t* distances) {
  const auto low = static_cast<long long>(query[0]);
  const auto high = static_cast<long long>(query[1]);
  const __m512i q = _mm512_setr_epi64(low, high, low, high, low, high, low, high);
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8, codes += 16)
    store_distances(add_pairs(differing_bits(q, load_words(codes)), differing_bits(q, load_words(codes + 8))), 8,
                    distances + i);
  return i;
}

WARIFU_AVX512 std::size_t four_words(const std::uint64_t* query, const std::uint64_t* codes, std::size_t count,
                                     std::uint16_t* distances) {
  const __m512i q =
      _mm512_maskz_broadcast_i64x4(kAllEight, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query)));
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8, codes += 32) {
    const __m512i ab = add_pairs(differing_bits(q, load_words(codes)), differing_bits(q, load_words(codes + 8)));
    const __m512i cd = add_pairs(differing_bits(q, load_words(codes + 16)), differing_bits(q, load_words(codes + 24)));
    store_distances(add_pairs(ab, cd), 8, distances + i);
  }
  return i;
}

WARIFU_AVX512 inline std::uint16_t add_all(__m512i sums) {
  const __m256i four = _mm256_add_epi64(_mm512_maskz_extracti64x4_epi64(kAllEight, sums, 0),
                                        _mm512_maskz_extracti64x4_epi64(kAllEight, sums, 1));
  const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
  return static_cast<std::uint16_t>(_mm_cvtsi128_si64(two) + _mm_extract_epi64(two, 1));
}

WARIFU_AVX512 std::uint16_t any_words(const std::uint64_t* query, const std::uint64_t* code, std::size_t words) {
  __m512i sums = _mm512_setzero_si512();
  for (std::size_t w = 0; w < words; w += 8)
    sums = _mm512_add_epi64(sums, differing_bits(load_words(query + w, words - w), load_words(code + w, words - w)));
  return add_all(sums);
}

}  // namespace

WARIFU_AVX512 void hamming_avx512(const std::uint64_t* query, const std::uint64_t* codes, std::size_t words,
                                  std::size_t count, std::uint16_t* distances) {
  if (words == 1) return one_word(query, codes, count, distances);
  // Of three, five, six or seven words a vector is half empty and adding its places up costs more
  // than counting word by word.
  if (words < 8 && words != 2 && words != 4) return hamming_popcnt(query, codes, words, count, distances);
  std::size_t done = 0;
  if (words == 2) done = two_words(query, codes, count, distances);
  if (words == 4) done = four_words(query, codes, count, distances);
  for (; done < count; ++done) distances[done] = any_words(query, codes + done * words, words);
}

}  // namespace warifu
#endif
