#include "nn/selective_scan_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define WARIFU_TARGET __attribute__((target("avx512f")))
#define WARIFU_AVX512 WARIFU_TARGET __attribute__((always_inline)) static inline

namespace warifu {
namespace {

struct Lanes {
  static constexpr std::size_t kWidth = 16;
  using Vector = __m512;

  // The zero-masked forms with all bits set stand for the plain ones, which GCC 12 takes for reads
  // of an uninitialized vector (its bug 105593).
  static constexpr __mmask16 kAll = 0xFFFF;

  WARIFU_AVX512 Vector all(float x) { return _mm512_set1_ps(x); }
  WARIFU_AVX512 Vector load(const float* from) { return _mm512_loadu_ps(from); }
  WARIFU_AVX512 void store(float* to, Vector values) { _mm512_storeu_ps(to, values); }
  // The first `count` < kWidth floats, zeros behind them; nothing further is touched.
  WARIFU_AVX512 Vector load_first(const float* from, std::size_t count) {
    return _mm512_maskz_loadu_ps(first(count), from);
  }
  WARIFU_AVX512 void store_first(float* to, std::size_t count, Vector values) {
    _mm512_mask_storeu_ps(to, first(count), values);
  }

  WARIFU_AVX512 Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  WARIFU_AVX512 Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
  WARIFU_AVX512 Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  WARIFU_AVX512 Vector divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }
  WARIFU_AVX512 Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  WARIFU_AVX512 Vector fms(Vector a, Vector b, Vector c) { return _mm512_fmsub_ps(a, b, c); }
  // The second where one is NaN.
  WARIFU_AVX512 Vector min(Vector a, Vector b) { return _mm512_maskz_min_ps(kAll, a, b); }
  WARIFU_AVX512 Vector max(Vector a, Vector b) { return _mm512_maskz_max_ps(kAll, a, b); }
  WARIFU_AVX512 Vector where_negative(Vector x, Vector yes, Vector no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), no, yes);
  }

  // x 2^k. The last bits of `rounded` are k + 127. (scalef does it in one instruction that takes as
  // long as two, and differs from the other sets below 2^-126.)
  WARIFU_AVX512 Vector times_power_of_two(Vector x, Vector rounded) {
    return multiply(x, _mm512_castsi512_ps(_mm512_maskz_slli_epi32(kAll, _mm512_castps_si512(rounded), 23)));
  }

  // sums[i] = the sum of rows[16 i … 16 i + 15]: lane j with j + 8, then with j + 4, j + 2, j + 1.
  WARIFU_AVX512 void add_up_four(const float* rows, float* sums) {
    const __m512 ab = add_halves(load(rows), load(rows + 16));
    const __m512 cd = add_halves(load(rows + 32), load(rows + 48));
    // four lanes of each row side by side: their first and second fours are added
    const __m512 fours = add(_mm512_maskz_shuffle_f32x4(kAll, ab, cd, 0b10'00'10'00),
                             _mm512_maskz_shuffle_f32x4(kAll, ab, cd, 0b11'01'11'01));
    const __m512 twos = add(fours, _mm512_maskz_permute_ps(kAll, fours, 0b01'00'11'10));
    const __m512 ones = add(twos, _mm512_maskz_permute_ps(kAll, twos, 0b10'11'00'01));
    const __m512 firsts = _mm512_maskz_compress_ps(0b0001'0001'0001'0001, ones);
    _mm_storeu_ps(sums, _mm512_maskz_extractf32x4_ps(0xF, firsts, 0));
  }

 private:
  WARIFU_AVX512 __mmask16 first(std::size_t count) { return static_cast<__mmask16>((1U << count) - 1U); }

  // The upper eight lanes of a and of b added to their lower eight: those of a first.
  WARIFU_AVX512 __m512 add_halves(__m512 a, __m512 b) {
    return add(_mm512_maskz_shuffle_f32x4(kAll, a, b, 0b01'00'01'00),
               _mm512_maskz_shuffle_f32x4(kAll, a, b, 0b11'10'11'10));
  }
};

}  // namespace
}  // namespace warifu

#include "nn/selective_scan_loops.h"

namespace warifu {

const ScanKernels kAvx512ScanKernels = kernels_of("avx512", [] { return __builtin_cpu_supports("avx512f") != 0; });

}  // namespace warifu
#endif
