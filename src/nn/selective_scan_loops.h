// The loops of selective_scan_kernels.h, included once by the file of each instruction set, so no
// #pragma once. That file defines before it
//
//   WARIFU_TARGET   the attribute that compiles a function for the set
//   Lanes           kWidth floats (4, 8 or 16) side by side and what the set can do with them
//
// Channels lie side by side in a vector, so that the sum over states needs no sum across lanes and
// one channel's arithmetic is the same in every lane and width. Time goes in steps of kScanSteps,
// for which everything fits in the first-level cache.
#ifndef WARIFU_TARGET
#error "included by selective_scan_<instruction set>.cc only"
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

// Scratch of a pass, cut from one block. Rows are kScanChannels long.
struct Scratch {
  float* state;           // [padded states] rows; backward: the gradient of the state, from the right
  float* decay_gradient;  // [padded states] rows
  float* delta;           // [kScanSteps] rows from here on: the step sizes after bias and softplus
  float* delta_slope;     // the slope of that softplus
  float* input;           // step size times u
  float* y;               // before the gate
  float* gate;            // sigmoid(z)
  float* y_gradient;      // of y before the gate
  float* input_gradient;  // sum over states of (gradient of the state) B
  float* decay_sum;       // sum over states of (gradient of the decay) (decay) (log2_decay)
  float* skip_gradient;   // one row
  float* bias_gradient;   // one row
  float* b;               // [kScanSteps][padded states]
  float* c;
  float* kept_states;  // [kScanSteps + 1][kGroup][kWidth]: before each step and after the last
  float* kept_decays;  // [kScanSteps][kGroup][kWidth]
  float* b_sums;       // [kScanSteps][kGroup][kScanSumLanes]
  float* c_sums;
};

// Parts begin some cache lines apart from a multiple of 4096 bytes: what is loaded from one part is
// then not taken for what was just stored to the same place of another.
WARIFU_INLINE float* take(float*& block, std::size_t floats) {
  float* const part = block;
  block += floats + kScratchGap;
  return part;
}

WARIFU_INLINE Scratch cut(float* block, std::size_t padded) {
  constexpr std::size_t kRow = kScanChannels, kRows = kScanSteps * kScanChannels;
  constexpr std::size_t kKept = (kScanSteps + 1) * kGroup * kScanSumLanes;
  constexpr std::size_t kSums = kScanSteps * kGroup * kScanSumLanes;
  Scratch scratch{};
  scratch.state = take(block, padded * kRow);
  scratch.decay_gradient = take(block, padded * kRow);
  scratch.delta = take(block, kRows);
  scratch.delta_slope = take(block, kRows);
  scratch.input = take(block, kRows);
  scratch.y = take(block, kRows);
  scratch.gate = take(block, kRows);
  scratch.y_gradient = take(block, kRows);
  scratch.input_gradient = take(block, kRows);
  scratch.decay_sum = take(block, kRows);
  scratch.skip_gradient = take(block, kRow);
  scratch.bias_gradient = take(block, kRow);
  scratch.b = take(block, kScanSteps * padded);
  scratch.c = take(block, kScanSteps * padded);
  scratch.kept_states = take(block, kKept);
  scratch.kept_decays = take(block, kKept);
  scratch.b_sums = take(block, kSums);
  scratch.c_sums = take(block, kSums);
  return scratch;
}

// Rows begin … begin + steps of B or C side by side, zeros for the states that are not there.
WARIFU_INLINE void gather(const ConstRows& rows, std::size_t begin, std::size_t steps, std::size_t states,
                          std::size_t padded, float* to) {
  for (std::size_t t = 0; t < steps; ++t) {
    const float* from = rows.data + (begin + t) * rows.stride;
    for (std::size_t n = 0; n < states; ++n) to[t * padded + n] = from[n];
    for (std::size_t n = states; n < padded; ++n) to[t * padded + n] = 0.0F;
  }
}

// Asks for what the next steps read and these steps write: rows are far apart, which the processor
// does not foresee by itself. One vector of `channel`, and of its rows the share of one `group` of
// states, so that the requests are spread over the work.
WARIFU_INLINE void fetch(const float* data, std::size_t stride, std::size_t begin, std::size_t end,
                         std::size_t channel) {
  for (std::size_t t = begin; t < end; ++t) __builtin_prefetch(data + t * stride + channel);
}

struct Span {
  std::size_t begin, end;
};
// The rows of that share, of begin … begin + kScanSteps as far as there are.
WARIFU_INLINE Span share(std::size_t begin, std::size_t length, std::size_t group, std::size_t padded) {
  const std::size_t rows = (kScanSteps * kGroup + padded - 1) / padded;
  const std::size_t first = begin + group / kGroup * rows;
  const std::size_t end = begin + kScanSteps < length ? begin + kScanSteps : length;
  return {first < end ? first : end, first + rows < end ? first + rows : end};
}

WARIFU_INLINE void fetch_inputs(const ScanTask& task, const Span& rows, std::size_t channel) {
  fetch(task.u.data, task.u.stride, rows.begin, rows.end, channel);
  fetch(task.delta.data, task.delta.stride, rows.begin, rows.end, channel);
  if (task.z.data != nullptr) fetch(task.z.data, task.z.stride, rows.begin, rows.end, channel);
}

// Step sizes, their product with u, and D u, for `steps` steps.
template <bool kWithSlope>
WARIFU_INLINE void prepare(const ScanTask& task, std::size_t begin, std::size_t steps, const Scratch& scratch) {
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
      const std::size_t at = t * kScanChannels + channel;
      const Vector u = load_row(task.u, begin + t, channel, task.channels);
      Vector delta =
          Lanes::add(load_row(task.delta, begin + t, channel, task.channels), Lanes::load(task.delta_bias + channel));
      Vector slope = Lanes::all(1.0F);
      if (task.delta_softplus) {
        const Softplus softened = softplus(delta);
        delta = softened.value;
        slope = softened.slope;
      }
      Lanes::store(scratch.delta + at, delta);
      if constexpr (kWithSlope) Lanes::store(scratch.delta_slope + at, slope);
      Lanes::store(scratch.input + at, Lanes::multiply(delta, u));
      Lanes::store(scratch.y + at, Lanes::multiply(Lanes::load(task.skip + channel), u));
    }
  }
}

// The decays of one group of states of one vector of channels, for `steps` steps, to kept_decays.
WARIFU_INLINE void decays(std::size_t steps, std::size_t group, std::size_t channel, const float* log2_decay,
                          const Scratch& scratch) {
  Vector a[kGroup], decay[kGroup];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) a[i] = Lanes::load(log2_decay + (group + i) * kScanChannels + channel);
  for (std::size_t t = 0; t < steps; ++t) {
    exp2_products(Lanes::load(scratch.delta + t * kScanChannels + channel), a, decay);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kGroup; ++i) Lanes::store(scratch.kept_decays + (t * kGroup + i) * kWidth, decay[i]);
  }
}

// The group through `steps` steps, given its decays: adds C h to y. State i of the group is at
// state + i * kScanChannels. kKeep: the states of every step are left in scratch and not in `to`.
template <bool kKeep>
WARIFU_INLINE void advance(std::size_t steps, std::size_t padded, std::size_t group, std::size_t channel,
                           const float* from, float* to, const Scratch& scratch) {
  Vector h[kGroup];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) h[i] = Lanes::load(from + i * kScanChannels);
  const float* b = scratch.b + group;
  const float* c = scratch.c + group;
  const float* decay = scratch.kept_decays;
  float* kept_state = scratch.kept_states;
  for (std::size_t t = 0; t < steps; ++t) {
    const std::size_t at = t * kScanChannels + channel;
    const Vector input = Lanes::load(scratch.input + at);
    Vector y = Lanes::load(scratch.y + at);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kGroup; ++i) {
      if constexpr (kKeep) Lanes::store(kept_state + i * kWidth, h[i]);
      h[i] = Lanes::fma(Lanes::load(decay + i * kWidth), h[i], Lanes::multiply(input, Lanes::all(b[i])));
      y = Lanes::fma(h[i], Lanes::all(c[i]), y);
    }
    Lanes::store(scratch.y + at, y);
    b += padded;
    c += padded;
    decay += kGroup * kWidth;
    kept_state += kGroup * kWidth;
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) {
    if constexpr (kKeep) {
      Lanes::store(kept_state + i * kWidth, h[i]);
    } else {
      Lanes::store(to + i * kScanChannels, h[i]);
    }
  }
}

WARIFU_TARGET void scan(const ScanTask& task, const Rows& y, float* checkpoints, float* block) {
  const std::size_t padded = padded_states(task.states);
  const Scratch scratch = cut(block, padded);
  set_to_zero(scratch.state, padded * kScanChannels);
  for (std::size_t begin = 0; begin < task.length; begin += kScanSteps) {
    const std::size_t steps = task.length - begin < kScanSteps ? task.length - begin : kScanSteps;
    if (checkpoints != nullptr && begin > 0) {
      copy(scratch.state, padded * kScanChannels, checkpoints);
      checkpoints += padded * kScanChannels;
    }
    gather(task.b, begin, steps, task.states, padded, scratch.b);
    gather(task.c, begin, steps, task.states, padded, scratch.c);
    prepare<false>(task, begin, steps, scratch);
    for (std::size_t channel = 0; channel < task.channels; channel += kWidth)
      for (std::size_t group = 0; group < padded; group += kGroup) {
        float* const state = scratch.state + group * kScanChannels + channel;
        fetch_inputs(task, share(begin + kScanSteps, task.length, group, padded), channel);
        const Span written = share(begin, task.length, group, padded);
        fetch(y.data, y.stride, written.begin, written.end, channel);
        decays(steps, group, channel, task.log2_decay, scratch);
        advance<false>(steps, padded, group, channel, state, state, scratch);
      }
    for (std::size_t t = 0; t < steps; ++t) {
      for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
        Vector value = Lanes::load(scratch.y + t * kScanChannels + channel);
        if (task.z.data != nullptr) {
          const Vector z = load_row(task.z, begin + t, channel, task.channels);
          value = Lanes::multiply(value, Lanes::multiply(z, sigmoid(z)));
        }
        store_row(y, begin + t, channel, task.channels, value);
      }
    }
  }
}

// --- its gradient ---

// The gradient of y before the gate, and room for what the steps add up.
WARIFU_INLINE void prepare_backward(const ScanTask& task, const ScanGradients& gradients, std::size_t begin,
                                    std::size_t steps, const Scratch& scratch) {
  prepare<true>(task, begin, steps, scratch);
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
      const std::size_t at = t * kScanChannels + channel;
      Vector y_gradient = load_row(gradients.y, begin + t, channel, task.channels);
      if (task.z.data != nullptr) {
        const Vector z = load_row(task.z, begin + t, channel, task.channels);
        const Vector gate = sigmoid(z);
        Lanes::store(scratch.gate + at, gate);
        y_gradient = Lanes::multiply(y_gradient, Lanes::multiply(z, gate));
      }
      Lanes::store(scratch.y_gradient + at, y_gradient);
      Lanes::store(scratch.input_gradient + at, Lanes::all(0.0F));
      Lanes::store(scratch.decay_sum + at, Lanes::all(0.0F));
    }
  }
}

// The way back of what advance<true> left in scratch. For each step, from the last:
//   g = (gradient of h_t) = C_t dy_t + decay_{t+1} (gradient of h_{t+1});  scratch.state carries the second term
//   dC_t += dy_t h_t,  dB_t += g input_t,  d input_t += g B_t
//   d(delta A) += w = decay_t g h_{t-1}, which is delta's share times A and A's share times delta
WARIFU_INLINE void retreat(std::size_t steps, std::size_t padded, std::size_t group, std::size_t channel,
                           const float* log2_decay, const Scratch& scratch) {
  Vector h[kGroup], a[kGroup], carried[kGroup], a_gradient[kGroup];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) {
    const std::size_t at = (group + i) * kScanChannels + channel;
    h[i] = Lanes::load(scratch.kept_states + (steps * kGroup + i) * kWidth);
    a[i] = Lanes::load(log2_decay + at);
    carried[i] = Lanes::load(scratch.state + at);
    a_gradient[i] = Lanes::load(scratch.decay_gradient + at);
  }
  for (std::size_t t = steps; t-- > 0;) {
    const std::size_t at = t * kScanChannels + channel;
    const std::size_t sums = t * kGroup * kScanSumLanes + channel % kScanSumLanes;
    const float* b = scratch.b + t * padded + group;
    const float* c = scratch.c + t * padded + group;
    const Vector delta = Lanes::load(scratch.delta + at), input = Lanes::load(scratch.input + at);
    const Vector y_gradient = Lanes::load(scratch.y_gradient + at);
    Vector input_gradient = Lanes::load(scratch.input_gradient + at);
    Vector decay_sum = Lanes::load(scratch.decay_sum + at);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kGroup; ++i) {
      float* const b_sum = scratch.b_sums + sums + i * kScanSumLanes;
      float* const c_sum = scratch.c_sums + sums + i * kScanSumLanes;
      const Vector before = Lanes::load(scratch.kept_states + (t * kGroup + i) * kWidth);
      const Vector decay = Lanes::load(scratch.kept_decays + (t * kGroup + i) * kWidth);
      const Vector g = Lanes::fma(y_gradient, Lanes::all(c[i]), carried[i]);
      Lanes::store(c_sum, Lanes::fma(y_gradient, h[i], Lanes::load(c_sum)));
      Lanes::store(b_sum, Lanes::fma(g, input, Lanes::load(b_sum)));
      input_gradient = Lanes::fma(g, Lanes::all(b[i]), input_gradient);
      carried[i] = Lanes::multiply(decay, g);
      const Vector w = Lanes::multiply(carried[i], before);
      decay_sum = Lanes::fma(w, a[i], decay_sum);
      a_gradient[i] = Lanes::fma(w, delta, a_gradient[i]);
      h[i] = before;
    }
    Lanes::store(scratch.input_gradient + at, input_gradient);
    Lanes::store(scratch.decay_sum + at, decay_sum);
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kGroup; ++i) {
    const std::size_t at = (group + i) * kScanChannels + channel;
    Lanes::store(scratch.state + at, carried[i]);
    Lanes::store(scratch.decay_gradient + at, a_gradient[i]);
  }
}

// What remains once all states have been added up.
WARIFU_INLINE void finish_backward(const ScanTask& task, const ScanGradients& gradients, std::size_t begin,
                                   std::size_t steps, const Scratch& scratch) {
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
      const std::size_t at = t * kScanChannels + channel;
      const Vector u = load_row(task.u, begin + t, channel, task.channels);
      const Vector y_gradient = Lanes::load(scratch.y_gradient + at);
      const Vector input_gradient = Lanes::load(scratch.input_gradient + at);
      const Vector u_gradient = Lanes::fma(Lanes::load(scratch.delta + at), input_gradient,
                                           Lanes::multiply(Lanes::load(task.skip + channel), y_gradient));
      store_row(gradients.u, begin + t, channel, task.channels, u_gradient);

      // decay_sum was made with A / ln 2
      const Vector of_delta =
          Lanes::fma(u, input_gradient, Lanes::multiply(Lanes::load(scratch.decay_sum + at), Lanes::all(0.693147181F)));
      const Vector delta_gradient = Lanes::multiply(of_delta, Lanes::load(scratch.delta_slope + at));
      store_row(gradients.delta, begin + t, channel, task.channels, delta_gradient);
      Lanes::store(scratch.bias_gradient + channel,
                   Lanes::add(Lanes::load(scratch.bias_gradient + channel), delta_gradient));
      Lanes::store(scratch.skip_gradient + channel,
                   Lanes::fma(y_gradient, u, Lanes::load(scratch.skip_gradient + channel)));

      if (task.z.data != nullptr) {
        const Vector z = load_row(task.z, begin + t, channel, task.channels);
        const Vector slope = silu_slope(z, Lanes::load(scratch.gate + at));
        const Vector gated = Lanes::multiply(load_row(gradients.y, begin + t, channel, task.channels), slope);
        store_row(gradients.z, begin + t, channel, task.channels, Lanes::multiply(gated, Lanes::load(scratch.y + at)));
      }
    }
  }
}

WARIFU_TARGET void scan_backward(const ScanTask& task, const ScanGradients& gradients, float* block) {
  const std::size_t padded = padded_states(task.states);
  const Scratch scratch = cut(block, padded);
  set_to_zero(scratch.state, padded * kScanChannels);
  set_to_zero(scratch.decay_gradient, padded * kScanChannels);
  set_to_zero(scratch.skip_gradient, kScanChannels);
  set_to_zero(scratch.bias_gradient, kScanChannels);
  float before_the_first[kGroup * kScanChannels] = {};
  for (std::size_t chunk = (task.length + kScanSteps - 1) / kScanSteps; chunk-- > 0;) {
    const std::size_t begin = chunk * kScanSteps;
    const std::size_t steps = task.length - begin < kScanSteps ? task.length - begin : kScanSteps;
    gather(task.b, begin, steps, task.states, padded, scratch.b);
    gather(task.c, begin, steps, task.states, padded, scratch.c);
    prepare_backward(task, gradients, begin, steps, scratch);
    for (std::size_t group = 0; group < padded; group += kGroup) {
      set_to_zero(scratch.b_sums, steps * kGroup * kScanSumLanes);
      set_to_zero(scratch.c_sums, steps * kGroup * kScanSumLanes);
      const float* const kept =
          chunk == 0 ? before_the_first : gradients.checkpoints + ((chunk - 1) * padded + group) * kScanChannels;
      for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
        if (chunk > 0) {
          const Span next = share(begin - kScanSteps, task.length, group, padded);
          fetch_inputs(task, next, channel);
          fetch(gradients.y.data, gradients.y.stride, next.begin, next.end, channel);
        }
        if (chunk > 1)
          fetch(gradients.checkpoints + (chunk - 2) * padded * kScanChannels, kScanChannels, group, group + kGroup,
                channel);
        const Span written = share(begin, task.length, group, padded);
        fetch(gradients.u.data, gradients.u.stride, written.begin, written.end, channel);
        fetch(gradients.delta.data, gradients.delta.stride, written.begin, written.end, channel);
        if (task.z.data != nullptr) fetch(gradients.z.data, gradients.z.stride, written.begin, written.end, channel);
        decays(steps, group, channel, task.log2_decay, scratch);
        advance<true>(steps, padded, group, channel, kept + channel, nullptr, scratch);
        retreat(steps, padded, group, channel, task.log2_decay, scratch);
      }
      for (std::size_t t = 0; t < steps; ++t) {
        const std::size_t sums = t * kGroup * kScanSumLanes;
        Lanes::add_up_four(scratch.b_sums + sums, gradients.b.data + (begin + t) * gradients.b.stride + group);
        Lanes::add_up_four(scratch.c_sums + sums, gradients.c.data + (begin + t) * gradients.c.stride + group);
      }
    }
    finish_backward(task, gradients, begin, steps, scratch);
  }
  copy(scratch.decay_gradient, padded * kScanChannels, gradients.decay);
  copy(scratch.skip_gradient, kScanChannels, gradients.skip);
  copy(scratch.bias_gradient, kScanChannels, gradients.delta_bias);
}

// --- the convolution ---

// The convolution at one step, before SiLU. Times before 0 count as zeros.
WARIFU_INLINE Vector convolved(const ConvTask& task, std::size_t t, std::size_t channel) {
  Vector sum = Lanes::load(task.bias + channel);
  const std::size_t missing = t + 1 < task.taps ? task.taps - 1 - t : 0;
  for (std::size_t k = missing; k < task.taps; ++k)
    sum = Lanes::fma(load_row(task.x, t + 1 + k - task.taps, channel, task.channels),
                     Lanes::load(task.weight + k * kScanChannels + channel), sum);
  return sum;
}

WARIFU_TARGET void convolve(const ConvTask& task, const Rows& y) {
  for (std::size_t t = 0; t < task.length; ++t) {
    for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
      const Vector sum = convolved(task, t, channel);
      store_row(y, t, channel, task.channels, Lanes::multiply(sum, sigmoid(sum)));
    }
  }
}

WARIFU_TARGET void convolve_backward(const ConvTask& task, const ConvGradients& gradients, float* block) {
  const std::size_t taps = task.taps;
  float* const of_sum = block;  // [length + taps] rows: the gradient before SiLU, zeros after the end
  float* const of_weight = block + (task.length + taps) * kScanChannels;  // [taps] rows
  float of_bias[kScanChannels] = {};
  set_to_zero(of_weight, taps * kScanChannels);
  set_to_zero(of_sum + task.length * kScanChannels, taps * kScanChannels);
  for (std::size_t t = 0; t < task.length; ++t) {
    for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
      const Vector sum = convolved(task, t, channel);
      const Vector gradient =
          Lanes::multiply(load_row(gradients.y, t, channel, task.channels), silu_slope(sum, sigmoid(sum)));
      Lanes::store(of_sum + t * kScanChannels + channel, gradient);
      Lanes::store(of_bias + channel, Lanes::add(Lanes::load(of_bias + channel), gradient));
      const std::size_t missing = t + 1 < taps ? taps - 1 - t : 0;
      for (std::size_t k = missing; k < taps; ++k) {
        float* const sums = of_weight + k * kScanChannels + channel;
        const Vector x = load_row(task.x, t + 1 + k - taps, channel, task.channels);
        Lanes::store(sums, Lanes::fma(gradient, x, Lanes::load(sums)));
      }
    }
  }
  for (std::size_t t = 0; t < task.length; ++t) {
    for (std::size_t channel = 0; channel < task.channels; channel += kWidth) {
      Vector sum = Lanes::all(0.0F);
      for (std::size_t k = 0; k < taps; ++k)
        sum = Lanes::fma(Lanes::load(of_sum + (t + taps - 1 - k) * kScanChannels + channel),
                         Lanes::load(task.weight + k * kScanChannels + channel), sum);
      store_row(gradients.x, t, channel, task.channels, sum);
    }
  }
  copy(of_weight, taps * kScanChannels, gradients.weight);
  copy(of_bias, kScanChannels, gradients.bias);
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

#undef WARIFU_INLINE

}  // namespace
}  // namespace warifu
