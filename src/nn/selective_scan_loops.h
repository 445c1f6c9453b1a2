// The loops of selective_scan_kernels.h, included once by the file of each instruction set, so no
// #pragma once. That file defines before it
//
//   WARIFU_TARGET   the attribute that compiles a function for the set
//   Lanes           kWidth floats (4, 8 or 16) side by side and what the set can do with them
//
// and has the set's table entry by kernels_of() after it.
//
// Channels lie side by side in a vector, so that the sum over states needs no sum across lanes and
// one channel's arithmetic is the same in every lane and width. Time goes in steps of kScanSteps,
// for which everything fits in the first-level cache.
#ifndef WARIFU_TARGET
#error "included by selective_scan_<instruction set>.cc only"
#endif

#include "nn/vector_functions.h"
// After what they are written in.
#include "nn/causal_conv_loops.h"

namespace warifu {
namespace {

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

// --- the set ---

constexpr ScanKernels kernels_of(std::string_view name, bool (*runs_here)()) {
  return {name, scan, scan_backward, convolve, convolve_backward, exp_of, exp2_of_product, softplus_of, runs_here};
}

#undef WARIFU_INLINE

}  // namespace
}  // namespace warifu
