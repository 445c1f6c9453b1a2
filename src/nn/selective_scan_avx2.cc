#include "nn/selective_scan_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define WARIFU_TARGET __attribute__((target("avx2,fma")))
#define WARIFU_AVX2 WARIFU_TARGET __attribute__((always_inline)) static inline

namespace warifu {
namespace {

struct Lanes {
  static constexpr std::size_t kWidth = 8;
  using Vector = __m256;

  WARIFU_AVX2 Vector all(float x) { return _mm256_set1_ps(x); }
  WARIFU_AVX2 Vector load(const float* from) { return _mm256_loadu_ps(from); }
  WARIFU_AVX2 void store(float* to, Vector values) { _mm256_storeu_ps(to, values); }
  // The first `count` < kWidth floats, zeros behind them; nothing further is touched.
  WARIFU_AVX2 Vector load_first(const float* from, std::size_t count) { return _mm256_maskload_ps(from, first(count)); }
  WARIFU_AVX2 void store_first(float* to, std::size_t count, Vector values) {
    _mm256_maskstore_ps(to, first(count), values);
  }

  WARIFU_AVX2 Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  WARIFU_AVX2 Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
  WARIFU_AVX2 Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  WARIFU_AVX2 Vector divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }
  WARIFU_AVX2 Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  WARIFU_AVX2 Vector fms(Vector a, Vector b, Vector c) { return _mm256_fmsub_ps(a, b, c); }
  // The second where one is NaN.
  WARIFU_AVX2 Vector min(Vector a, Vector b) { return _mm256_min_ps(a, b); }
  WARIFU_AVX2 Vector max(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  WARIFU_AVX2 Vector where_negative(Vector x, Vector yes, Vector no) { return _mm256_blendv_ps(no, yes, x); }

  // x 2^k. The last bits of `rounded` are k + 127.
  WARIFU_AVX2 Vector times_power_of_two(Vector x, Vector rounded) {
    return _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(rounded), 23)));
  }

  // sums[i] = the sum of rows[16 i … 16 i + 15]: lane j with j + 8, then with j + 4, j + 2, j + 1.
  WARIFU_AVX2 void add_up_four(const float* rows, float* sums) {
    __m128 a = four_of_sixteen(rows), b = four_of_sixteen(rows + 16), c = four_of_sixteen(rows + 32),
           d = four_of_sixteen(rows + 48);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(sums, _mm_add_ps(_mm_add_ps(a, c), _mm_add_ps(b, d)));
  }

 private:
  WARIFU_AVX2 __m256i first(std::size_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  WARIFU_AVX2 __m128 four_of_sixteen(const float* row) {
    const __m256 eight = _mm256_add_ps(load(row), load(row + 8));
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  }
};

}  // namespace
}  // namespace warifu

#include "nn/selective_scan_loops.h"

namespace warifu {

const ScanKernels kAvx2ScanKernels =
    kernels_of("avx2", [] { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; });

}  // namespace warifu
#endif
