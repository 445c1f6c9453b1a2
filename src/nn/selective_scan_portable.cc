#include <bit>
#include <cstdint>

#include "nn/selective_scan_kernels.h"

// Four floats side by side: SSE2 on every x86-64, NEON on every arm64. There is no fused
// multiply-add to count on, so products are rounded.
#define WARIFU_TARGET

namespace warifu {
namespace {

struct Lanes {
  static constexpr std::size_t kWidth = 4;
  using Vector = float __attribute__((vector_size(16)));
  using Bits = std::uint32_t __attribute__((vector_size(16)));

  static Vector all(float x) { return Vector{x, x, x, x}; }
  static Vector load(const float* from) {
    Vector values;
    __builtin_memcpy(&values, from, sizeof(values));
    return values;
  }
  static void store(float* to, Vector values) { __builtin_memcpy(to, &values, sizeof(values)); }
  // The first `count` < kWidth floats, zeros behind them; nothing further is touched.
  static Vector load_first(const float* from, std::size_t count) {
    Vector values = all(0.0F);
    __builtin_memcpy(&values, from, count * sizeof(float));
    return values;
  }
  static void store_first(float* to, std::size_t count, Vector values) {
    __builtin_memcpy(to, &values, count * sizeof(float));
  }

  static Vector add(Vector a, Vector b) { return a + b; }
  static Vector subtract(Vector a, Vector b) { return a - b; }
  static Vector multiply(Vector a, Vector b) { return a * b; }
  static Vector divide(Vector a, Vector b) { return a / b; }
  static Vector fma(Vector a, Vector b, Vector c) { return a * b + c; }
  static Vector fms(Vector a, Vector b, Vector c) { return a * b - c; }
  // The second where one is NaN.
  static Vector min(Vector a, Vector b) { return a < b ? a : b; }
  static Vector max(Vector a, Vector b) { return a > b ? a : b; }
  static Vector where_negative(Vector x, Vector yes, Vector no) { return x < all(0.0F) ? yes : no; }

  // x 2^k. The last bits of `rounded` are k + 127.
  static Vector times_power_of_two(Vector x, Vector rounded) {
    return x * std::bit_cast<Vector>(std::bit_cast<Bits>(rounded) << 23);
  }

  // sums[i] = the sum of rows[16 i … 16 i + 15]: lane j with j + 8, then with j + 4, j + 2, j + 1.
  static void add_up_four(const float* rows, float* sums) {
    for (std::size_t i = 0; i < 4; ++i, rows += 16) {
      const Vector fours = (load(rows) + load(rows + 8)) + (load(rows + 4) + load(rows + 12));
      sums[i] = (fours[0] + fours[2]) + (fours[1] + fours[3]);
    }
  }
};

}  // namespace
}  // namespace warifu

#include "nn/selective_scan_loops.h"

namespace warifu {

const ScanKernels kPortableScanKernels = kernels_of("portable", [] { return true; });

}  // namespace warifu
