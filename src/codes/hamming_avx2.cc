#include "codes/hamming_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

// AVX2 has no popcount: the bits of a byte are counted by looking up its two halves in a table of
// 16 entries, and vpsadbw adds the eight bytes of a word.
// Source: W. Muła, N. Kurz and D. Lemire, "Faster Population Counts Using AVX2 Instructions",
// The Computer Journal 61(1), 2018.
#define WARIFU_AVX2 __attribute__((target("avx2,popcnt")))

namespace warifu {
namespace {

// Set bits of each of the four words.
WARIFU_AVX2 inline __m256i popcount_words(__m256i words) {
  const __m256i bits_of_nibble = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                                  0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low_nibble = _mm256_set1_epi8(0x0F);
  const __m256i low = _mm256_shuffle_epi8(bits_of_nibble, _mm256_and_si256(words, low_nibble));
  const __m256i high = _mm256_shuffle_epi8(bits_of_nibble, _mm256_and_si256(_mm256_srli_epi16(words, 4), low_nibble));
  return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
}

WARIFU_AVX2 inline __m256i load_words(const std::uint64_t* words) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words));
}

// Sums of neighbouring words: (a0 + a1, b0 + b1, a2 + a3, b2 + b3).
WARIFU_AVX2 inline __m256i add_pairs(__m256i a, __m256i b) {
  return _mm256_add_epi64(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}

// Four sums of 64 bits to four distances, in order.
WARIFU_AVX2 inline void store_four(__m256i sums, std::uint16_t* distances) {
  const __m256i halves = _mm256_permutevar8x32_epi32(sums, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
  const __m128i low = _mm256_castsi256_si128(halves);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(distances), _mm_packus_epi32(low, low));
}

// Each of these handles as many codes as it can four at a time and returns how many.
WARIFU_AVX2 std::size_t one_word(const std::uint64_t* query, const std::uint64_t* codes, std::size_t count,
                                 std::uint16_t* distances) {
  const __m256i q = _mm256_set1_epi64x(static_cast<long long>(*query));
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) store_four(popcount_words(_mm256_xor_si256(q, load_words(codes + i))), distances + i);
  return i;
}

WARIFU_AVX2 std::size_t two_words(const std::uint64_t* query, const std::uint64_t* codes, std::size_t count,
                                  std::uint16_t* distances) {
  const __m256i q = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query)));
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m256i a = popcount_words(_mm256_xor_si256(q, load_words(codes + 2 * i)));
    const __m256i b = popcount_words(_mm256_xor_si256(q, load_words(codes + 2 * i + 4)));
    // add_pairs leaves codes 0, 2, 1, 3
    store_four(_mm256_permute4x64_epi64(add_pairs(a, b), 0b11'01'10'00), distances + i);
  }
  return i;
}

WARIFU_AVX2 std::size_t four_words(const std::uint64_t* query, const std::uint64_t* codes, std::size_t count,
                                   std::uint16_t* distances) {
  const __m256i q = load_words(query);
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4, codes += 16) {
    const __m256i ab = add_pairs(popcount_words(_mm256_xor_si256(q, load_words(codes))),
                                 popcount_words(_mm256_xor_si256(q, load_words(codes + 4))));
    const __m256i cd = add_pairs(popcount_words(_mm256_xor_si256(q, load_words(codes + 8))),
                                 popcount_words(_mm256_xor_si256(q, load_words(codes + 12))));
    store_four(_mm256_add_epi64(_mm256_permute2x128_si256(ab, cd, 0x20), _mm256_permute2x128_si256(ab, cd, 0x31)),
               distances + i);
  }
  return i;
}

WARIFU_AVX2 std::uint16_t any_words(const std::uint64_t* query, const std::uint64_t* code, std::size_t words) {
  __m256i sums = _mm256_setzero_si256();
  std::size_t w = 0;
  for (; w + 4 <= words; w += 4)
    sums = _mm256_add_epi64(sums, popcount_words(_mm256_xor_si256(load_words(query + w), load_words(code + w))));
  const __m128i pair = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  long long differing = _mm_cvtsi128_si64(pair) + _mm_extract_epi64(pair, 1);
  for (; w < words; ++w) differing += _mm_popcnt_u64(query[w] ^ code[w]);
  return static_cast<std::uint16_t>(differing);
}

}  // namespace

WARIFU_AVX2 void hamming_avx2(const std::uint64_t* query, const std::uint64_t* codes, std::size_t words,
                              std::size_t count, std::uint16_t* distances) {
  std::size_t done = 0;
  if (words == 1) done = one_word(query, codes, count, distances);
  if (words == 2) done = two_words(query, codes, count, distances);
  if (words == 4) done = four_words(query, codes, count, distances);
  for (; done < count; ++done) distances[done] = any_words(query, codes + done * words, words);
}

}  // namespace warifu
#endif
