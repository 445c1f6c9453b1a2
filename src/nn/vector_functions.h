// Exponential, softplus and what loads and stores rows, on the vectors of an instruction set, for
// selective_scan_loops.h, which says what is defined before. No #pragma once: each set has its own.
#ifndef WARIFU_TARGET
#error "included by selective_scan_loops.h only"
#endif

namespace warifu {
namespace {

#define WARIFU_INLINE WARIFU_TARGET __attribute__((always_inline)) inline

using Vector = Lanes::Vector;
constexpr std::size_t kWidth = Lanes::kWidth;
constexpr std::size_t kGroup = kScanStateGroup;

// --- elementary functions ---
//
// Largest errors in units of the last place, measured (the portable set's in brackets): exponential 1.1
// (1.4), exp2_product 1.0 (1.2), softplus 1.7 (2.0), its slope 2.3. NaN stays NaN; infinities give the limit.

// 1.5 * 2^23 + 127. A number of size below 2^21 added to it is rounded to an integer k, the last
// bits are then k + 127: the exponent field of 2^k.
constexpr float kRounder = 12583039.0F;
constexpr float kLowest = kRounder - 127.0F, kHighest = kRounder + 128.0F;

// Coefficients of 2^r for r in [-0.5, 0.5], the highest power first; exactly 1 for 0. Least largest
// relative error: 3.9e-9 before rounding.
constexpr float kExp2[7] = {
    1.54697320e-4F, 1.34100010e-3F, 9.61803078e-3F, 5.55029731e-2F, 2.40226511e-1F, 6.93147225e-1F, 1.0F};

WARIFU_INLINE Vector exp2_of_fraction(Vector r) {
  Vector p = Lanes::all(kExp2[0]);
#pragma GCC unroll 6
  for (std::size_t power = 1; power < 7; ++power) p = Lanes::fma(p, r, Lanes::all(kExp2[power]));
  return p;
}

// `rounded` is kRounder + the exponent. Bounds come first in min and max: a NaN second passes through.
WARIFU_INLINE Vector within_exponents(Vector rounded) {
  return Lanes::min(Lanes::all(kHighest), Lanes::max(Lanes::all(kLowest), rounded));
}

// Below 2^-127 `r` is far under -0.5; held near it, it is 0 that comes out. Not at it: where k came
// from a rounded product, r may pass -0.5 by a little.
constexpr float kSmallestFraction = -0.51F;

WARIFU_INLINE Vector scaled(Vector r, Vector rounded) {
  return Lanes::times_power_of_two(exp2_of_fraction(Lanes::max(Lanes::all(kSmallestFraction), r)), rounded);
}

// 2^(x y). With a fused multiply-add the product is not rounded.
WARIFU_INLINE Vector exp2_product(Vector x, Vector y) {
  const Vector rounded = within_exponents(Lanes::fma(x, y, Lanes::all(kRounder)));
  const Vector k = Lanes::subtract(rounded, Lanes::all(kRounder));
  return scaled(Lanes::fms(x, y, k), rounded);
}

// The same for a group of y. Step by step for all of them: one after the other, the operations that
// wait in each long chain would fill the processor's queues.
WARIFU_INLINE void exp2_products(Vector x, const Vector (&y)[kGroup], Vector (&result)[kGroup]) {
  Vector rounded[kGroup], r[kGroup];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) rounded[i] = Lanes::fma(x, y[i], Lanes::all(kRounder));
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) rounded[i] = within_exponents(rounded[i]);
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) r[i] = Lanes::subtract(rounded[i], Lanes::all(kRounder));
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) r[i] = Lanes::max(Lanes::all(kSmallestFraction), Lanes::fms(x, y[i], r[i]));
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) result[i] = Lanes::all(kExp2[0]);
#pragma GCC unroll 6
  for (std::size_t power = 1; power < 7; ++power) {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kGroup; ++i) result[i] = Lanes::fma(result[i], r[i], Lanes::all(kExp2[power]));
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) result[i] = Lanes::times_power_of_two(result[i], rounded[i]);
}

WARIFU_INLINE Vector exponential(Vector x) {
  const Vector rounded = within_exponents(Lanes::fma(x, Lanes::all(1.44269504F), Lanes::all(kRounder)));
  const Vector k = Lanes::subtract(rounded, Lanes::all(kRounder));
  // ln 2 in two parts: k times the first, of nine bits, is exact
  const Vector rest = Lanes::fma(k, Lanes::all(2.12194440e-4F), Lanes::fma(k, Lanes::all(-0.693359375F), x));
  return scaled(Lanes::multiply(rest, Lanes::all(1.44269504F)), rounded);
}

WARIFU_INLINE Vector sigmoid(Vector x) {
  const Vector one = Lanes::all(1.0F);
  return Lanes::divide(one, Lanes::add(one, exponential(Lanes::subtract(Lanes::all(0.0F), x))));
}

// log(1 + e) for e in [0, 1], that is 2 atanh(s) = 2 s + s r with s = e / (2 + e); 2 s = e - s e, so
// that what is rounded is small beside e. Relative error 5e-9 before rounding.
WARIFU_INLINE Vector log_of_one_plus(Vector e) {
  const Vector s = Lanes::divide(e, Lanes::add(Lanes::all(2.0F), e));
  const Vector t = Lanes::multiply(s, s);
  Vector r = Lanes::fma(Lanes::all(0.28024471F), t, Lanes::all(0.27999139F));
  r = Lanes::fma(r, t, Lanes::all(0.400217F));
  r = Lanes::fma(r, t, Lanes::all(0.66666412F));
  r = Lanes::multiply(r, t);
  return Lanes::fma(Lanes::subtract(r, e), s, e);
}

// log(1 + exp(x)) and its slope, sigmoid(x).
struct Softplus {
  Vector value, slope;
};
WARIFU_INLINE Softplus softplus(Vector x) {
  const Vector zero = Lanes::all(0.0F), one = Lanes::all(1.0F);
  const Vector e = exponential(Lanes::min(Lanes::subtract(zero, x), x));  // exp(-|x|)
  return {Lanes::add(Lanes::max(zero, x), log_of_one_plus(e)),
          Lanes::divide(Lanes::where_negative(x, e, one), Lanes::add(one, e))};
}

// The slope of x sigmoid(x), given s = sigmoid(x).
WARIFU_INLINE Vector silu_slope(Vector x, Vector s) {
  return Lanes::multiply(s, Lanes::fma(x, Lanes::subtract(Lanes::all(1.0F), s), Lanes::all(1.0F)));
}

// --- rows ---

WARIFU_INLINE Vector load_row(const ConstRows& rows, std::size_t row, std::size_t channel, std::size_t channels) {
  const float* from = rows.data + row * rows.stride + channel;
  return channel + kWidth <= channels ? Lanes::load(from) : Lanes::load_first(from, channels - channel);
}

WARIFU_INLINE void store_row(const Rows& rows, std::size_t row, std::size_t channel, std::size_t channels,
                             Vector values) {
  float* to = rows.data + row * rows.stride + channel;
  if (channel + kWidth <= channels) {
    Lanes::store(to, values);
  } else {
    Lanes::store_first(to, channels - channel, values);
  }
}

WARIFU_INLINE void set_to_zero(float* to, std::size_t count) {  // count: a multiple of 16
  for (std::size_t i = 0; i < count; i += kWidth) Lanes::store(to + i, Lanes::all(0.0F));
}

WARIFU_INLINE void copy(const float* from, std::size_t count, float* to) {  // count: a multiple of 16
  for (std::size_t i = 0; i < count; i += kWidth) Lanes::store(to + i, Lanes::load(from + i));
}

// --- for the tests ---

WARIFU_INLINE Vector load_array(const float* from, std::size_t i, std::size_t count) {
  return load_row({from, 0}, 0, i, count);
}

WARIFU_TARGET void exp_of(const float* x, std::size_t count, float* result) {
  for (std::size_t i = 0; i < count; i += kWidth)
    store_row({result, 0}, 0, i, count, exponential(load_array(x, i, count)));
}

WARIFU_TARGET void exp2_of_product(const float* x, const float* y, std::size_t count, float* result) {
  for (std::size_t i = 0; i < count; i += kWidth)
    store_row({result, 0}, 0, i, count, exp2_product(load_array(x, i, count), load_array(y, i, count)));
}

WARIFU_TARGET void softplus_of(const float* x, std::size_t count, float* result, float* slope) {
  for (std::size_t i = 0; i < count; i += kWidth) {
    const Softplus softened = softplus(load_array(x, i, count));
    store_row({result, 0}, 0, i, count, softened.value);
    store_row({slope, 0}, 0, i, count, softened.slope);
  }
}

}  // namespace
}  // namespace warifu
