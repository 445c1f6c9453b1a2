#pragma once

#include <cmath>
#include <cstddef>

// Inside nn/ only: what the threads of a GPU do in the selective scan (selective_scan.h), for plain
// memory. There is neither libtorch nor CUDA in it: selective_scan_cuda.cu makes kernels of it, and
// selective_scan_gpu_test.cc runs the same functions on the processor, one thread after the other.
// C++17, so that any nvcc takes it.
//
// One thread works on one channel of one row of the batch, through all times; a block of threads has
// kGpuChannels neighbouring channels of a row, so that what lies side by side is read side by side.
// Time goes in chunks of kGpuSteps, states in groups of kGpuStates. Only the sums over channels, which
// the gradients of B and C are, need other threads: a block puts what its threads have side by side
// and then adds in the order of the channels; the blocks, as the rows of the batch for A, D and
// delta_bias, leave parts that sum_in_order adds. So nothing depends on which thread comes first.
#ifdef __CUDACC__
#define WARIFU_HOST_DEVICE __host__ __device__
#else
#define WARIFU_HOST_DEVICE
#endif

namespace warifu {

inline constexpr std::size_t kGpuChannels = 64;  // channels, and so threads, of a block
inline constexpr std::size_t kGpuSteps = 16;     // time steps from one kept state to the next
inline constexpr std::size_t kGpuStates = 4;     // states worked on side by side

// What the threads of a block share in the backward pass: of each step and state of a chunk and group,
// each channel's share of the gradients of B, and then of C. A row is longer by one float than a block
// has channels: threads that read down a column then meet in no memory bank.
inline constexpr std::size_t kGpuSharedRow = kGpuChannels + 1;
inline constexpr std::size_t kGpuSharedOfOne = kGpuSteps * kGpuStates * kGpuSharedRow;
inline constexpr std::size_t kGpuSharedFloats = 2 * kGpuSharedOfOne;  // 33,280 bytes of the 48 KiB that every GPU has

// [rows, length, width]; the floats of one time lie side by side.
struct GpuTensor {
  const float* data = nullptr;
  std::size_t row_stride = 0;
  std::size_t time_stride = 0;

  WARIFU_HOST_DEVICE const float* at(std::size_t row, std::size_t time) const {
    return data + row * row_stride + time * time_stride;
  }
};

// What both passes read.
struct GpuScan {
  std::size_t rows = 0, length = 0, channels = 0, states = 0;
  GpuTensor u, delta;
  GpuTensor z;                        // no data: no gate
  GpuTensor b, c;                     // of width `states`
  const float* a = nullptr;           // [channels][states]
  const float* d = nullptr;           // [channels], or nullptr
  const float* delta_bias = nullptr;  // [channels], or nullptr
  bool delta_softplus = false;
};

// States between chunks, [rows][slots][states][channels]. A backward pass needs those after every
// chunk but the last, each in a slot of its own; without one, each takes the place of the one before.
struct GpuKept {
  float* data = nullptr;
  std::size_t slots = 0;

  WARIFU_HOST_DEVICE float* of(const GpuScan& scan, std::size_t row, std::size_t chunk) const {
    return data + (row * slots + (chunk < slots ? chunk : slots - 1)) * scan.states * scan.channels;
  }
};

// What a backward pass reads besides, and where it writes. Parts are to be added up by sum_in_order.
struct GpuScanGradients {
  GpuTensor y;
  GpuKept kept;                       // as the forward pass left them
  float* u = nullptr;                 // [rows][length][channels]
  float* delta = nullptr;             // [rows][length][channels]
  float* z = nullptr;                 // [rows][length][channels], where there is a gate
  float* carried = nullptr;           // room [rows][states][channels]: gradients of states, from the right
  float* a_parts = nullptr;           // [rows][states][channels]
  float* d_parts = nullptr;           // [rows][channels]
  float* delta_bias_parts = nullptr;  // [rows][channels]
  float* b_parts = nullptr;           // [blocks of a row][rows][length][states]
  float* c_parts = nullptr;           // [blocks of a row][rows][length][states]
};

WARIFU_HOST_DEVICE constexpr std::size_t gpu_blocks_of_row(std::size_t channels) {
  return (channels + kGpuChannels - 1) / kGpuChannels;
}

WARIFU_HOST_DEVICE constexpr std::size_t gpu_chunks(std::size_t length) { return (length + kGpuSteps - 1) / kGpuSteps; }

// Where a thread stands: thread i of block j, blocks in the order of the rows and within a row.
struct GpuPlace {
  std::size_t row, block, channel;  // the channel may lie behind the last one: that thread has no work
  std::size_t thread;

  WARIFU_HOST_DEVICE GpuPlace(const GpuScan& scan, std::size_t block_index, std::size_t thread_index)
      : row(block_index / gpu_blocks_of_row(scan.channels)),
        block(block_index % gpu_blocks_of_row(scan.channels)),
        channel(block * kGpuChannels + thread_index),
        thread(thread_index) {}
};

// --- elementary functions ---

WARIFU_HOST_DEVICE inline float gpu_sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }

struct GpuStep {
  float size, slope;  // slope: of the size in what it is made of
};

WARIFU_HOST_DEVICE inline GpuStep gpu_step(const GpuScan& scan, std::size_t channel, float delta) {
  const float x = scan.delta_bias != nullptr ? delta + scan.delta_bias[channel] : delta;
  if (!scan.delta_softplus) return {x, 1.0F};
  const float e = std::exp(-std::fabs(x));
  return {(x > 0.0F ? x : 0.0F) + std::log1p(e), (x < 0.0F ? e : 1.0F) / (1.0F + e)};
}

// A / ln 2 for one group of states of a channel, zeros for the states that are not there.
WARIFU_HOST_DEVICE inline void gpu_log2_decays(const GpuScan& scan, std::size_t channel, std::size_t group,
                                               float (&decays)[kGpuStates]) {
  for (std::size_t i = 0; i < kGpuStates; ++i)
    decays[i] = group + i < scan.states
                    ? static_cast<float>(scan.a[channel * scan.states + group + i] * 1.4426950408889634)
                    : 0.0F;
}

// B or C of one group of states, zeros for the states that are not there.
WARIFU_HOST_DEVICE inline void gpu_load_group(const GpuScan& scan, const float* from, std::size_t group,
                                              float (&values)[kGpuStates]) {
  for (std::size_t i = 0; i < kGpuStates; ++i) values[i] = group + i < scan.states ? from[group + i] : 0.0F;
}

// The states of one group after `chunk` chunks.
WARIFU_HOST_DEVICE inline void gpu_load_states(const GpuScan& scan, const GpuKept& kept, const GpuPlace& place,
                                               std::size_t chunk, std::size_t group, float (&h)[kGpuStates]) {
  const float* const from = chunk == 0 ? nullptr : kept.of(scan, place.row, chunk - 1) + place.channel;
  for (std::size_t i = 0; i < kGpuStates; ++i)
    h[i] = chunk > 0 && group + i < scan.states ? from[(group + i) * scan.channels] : 0.0F;
}

// --- the recurrence ---

// What one thread does in the forward pass; y: [rows][length][channels].
WARIFU_HOST_DEVICE inline void gpu_scan(const GpuScan& scan, const GpuPlace& place, float* y, const GpuKept& kept) {
  const std::size_t channel = place.channel;
  if (channel >= scan.channels) return;
  const float skip = scan.d != nullptr ? scan.d[channel] : 0.0F;
  const std::size_t chunks = gpu_chunks(scan.length);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    const std::size_t begin = chunk * kGpuSteps;
    const std::size_t steps = scan.length - begin < kGpuSteps ? scan.length - begin : kGpuSteps;
    float delta[kGpuSteps], input[kGpuSteps], sum[kGpuSteps];
    for (std::size_t t = 0; t < steps; ++t) {
      const float u = scan.u.at(place.row, begin + t)[channel];
      delta[t] = gpu_step(scan, channel, scan.delta.at(place.row, begin + t)[channel]).size;
      input[t] = delta[t] * u;
      sum[t] = skip * u;
    }
    for (std::size_t group = 0; group < scan.states; group += kGpuStates) {
      float a[kGpuStates], h[kGpuStates];
      gpu_log2_decays(scan, channel, group, a);
      gpu_load_states(scan, kept, place, chunk, group, h);
      for (std::size_t t = 0; t < steps; ++t) {
        float b[kGpuStates], c[kGpuStates];
        gpu_load_group(scan, scan.b.at(place.row, begin + t), group, b);
        gpu_load_group(scan, scan.c.at(place.row, begin + t), group, c);
        for (std::size_t i = 0; i < kGpuStates; ++i) {
          h[i] = std::exp2(delta[t] * a[i]) * h[i] + input[t] * b[i];
          sum[t] += h[i] * c[i];
        }
      }
      if (chunk + 1 == chunks) continue;
      float* const to = kept.of(scan, place.row, chunk) + channel;
      for (std::size_t i = 0; i < kGpuStates && group + i < scan.states; ++i) to[(group + i) * scan.channels] = h[i];
    }
    for (std::size_t t = 0; t < steps; ++t) {
      if (scan.z.data != nullptr) {
        const float z = scan.z.at(place.row, begin + t)[channel];
        sum[t] *= z * gpu_sigmoid(z);
      }
      y[(place.row * scan.length + begin + t) * scan.channels + channel] = sum[t];
    }
  }
}

// --- its gradient ---

// What one thread holds in the backward pass. The order of calls is that of gpu_scan_backward.
class GpuBackwardThread {
 public:
  WARIFU_HOST_DEVICE GpuBackwardThread(const GpuScan& scan, const GpuScanGradients& gradients, const GpuPlace& place)
      : scan_(scan), gradients_(gradients), place_(place), skip_(0), skip_gradient_(0), bias_gradient_(0) {
    if (!works()) return;
    if (scan_.d != nullptr) skip_ = scan_.d[place_.channel];
    for (std::size_t n = 0; n < scan_.states; ++n) {
      gradients_.carried[of_state(n)] = 0.0F;
      gradients_.a_parts[of_state(n)] = 0.0F;
    }
  }

  // The gradient of y before the gate, and room for what the states add up.
  WARIFU_HOST_DEVICE void open_chunk(std::size_t chunk) {
    begin_ = chunk * kGpuSteps;
    steps_ = scan_.length - begin_ < kGpuSteps ? scan_.length - begin_ : kGpuSteps;
    if (!works()) return;
    for (std::size_t t = 0; t < steps_; ++t) {
      const float u = value(scan_.u, t);
      const GpuStep step = gpu_step(scan_, place_.channel, value(scan_.delta, t));
      delta_[t] = step.size;
      delta_slope_[t] = step.slope;
      input_[t] = step.size * u;
      sum_[t] = skip_ * u;
      y_gradient_[t] = value(gradients_.y, t);
      if (scan_.z.data != nullptr) {
        const float z = value(scan_.z, t);
        y_gradient_[t] *= z * gpu_sigmoid(z);
      }
      input_gradient_[t] = 0.0F;
      decay_sum_[t] = 0.0F;
    }
  }

  // Makes the states of the group again and goes back over them. For each step, from the last:
  //   g = (gradient of h_t) = C_t dy_t + decay_{t+1} (gradient of h_{t+1}); `carried` is the second term
  //   this channel's share of dC_t is dy_t h_t, of dB_t it is g input_t, to `shared`;  d input_t += g B_t
  //   d(delta A) += w = decay_t g h_{t-1}, which is delta's share times A and A's share times delta
  WARIFU_HOST_DEVICE void retreat(std::size_t group, float* shared) {
    if (!works()) return;
    float a[kGpuStates], b[kGpuStates], c[kGpuStates];
    float h[kGpuSteps + 1][kGpuStates];  // before each step and after the last
    gpu_log2_decays(scan_, place_.channel, group, a);
    gpu_load_states(scan_, gradients_.kept, place_, begin_ / kGpuSteps, group, h[0]);
    for (std::size_t t = 0; t < steps_; ++t) {
      gpu_load_group(scan_, scan_.b.at(place_.row, begin_ + t), group, b);
      gpu_load_group(scan_, scan_.c.at(place_.row, begin_ + t), group, c);
      for (std::size_t i = 0; i < kGpuStates; ++i) {
        h[t + 1][i] = std::exp2(delta_[t] * a[i]) * h[t][i] + input_[t] * b[i];
        sum_[t] += h[t + 1][i] * c[i];
      }
    }
    float carried[kGpuStates], a_gradient[kGpuStates];
    for (std::size_t i = 0; i < kGpuStates; ++i) {
      const bool there = group + i < scan_.states;
      carried[i] = there ? gradients_.carried[of_state(group + i)] : 0.0F;
      a_gradient[i] = there ? gradients_.a_parts[of_state(group + i)] : 0.0F;
    }
    for (std::size_t t = steps_; t-- > 0;) {
      gpu_load_group(scan_, scan_.b.at(place_.row, begin_ + t), group, b);
      gpu_load_group(scan_, scan_.c.at(place_.row, begin_ + t), group, c);
      for (std::size_t i = 0; i < kGpuStates; ++i) {
        const float g = y_gradient_[t] * c[i] + carried[i];
        float* const share = shared + (t * kGpuStates + i) * kGpuSharedRow + place_.thread;
        share[0] = g * input_[t];
        share[kGpuSharedOfOne] = y_gradient_[t] * h[t + 1][i];
        input_gradient_[t] += g * b[i];
        carried[i] = std::exp2(delta_[t] * a[i]) * g;
        const float w = carried[i] * h[t][i];
        decay_sum_[t] += w * a[i];
        a_gradient[i] += w * delta_[t];
      }
    }
    for (std::size_t i = 0; i < kGpuStates && group + i < scan_.states; ++i) {
      gradients_.carried[of_state(group + i)] = carried[i];
      gradients_.a_parts[of_state(group + i)] = a_gradient[i];
    }
  }

  // Once every thread of the block is back: the sums over its channels, each by one thread.
  WARIFU_HOST_DEVICE void add_up(std::size_t group, const float* shared) const {
    const std::size_t first = place_.block * kGpuChannels;
    const std::size_t channels = scan_.channels - first < kGpuChannels ? scan_.channels - first : kGpuChannels;
    for (std::size_t i = place_.thread; i < steps_ * kGpuStates; i += kGpuChannels) {
      const std::size_t state = group + i % kGpuStates;
      if (state >= scan_.states) continue;
      const float* const shares = shared + i * kGpuSharedRow;
      float of_b = 0.0F, of_c = 0.0F;
      for (std::size_t channel = 0; channel < channels; ++channel) {
        of_b += shares[channel];
        of_c += shares[kGpuSharedOfOne + channel];
      }
      const std::size_t row = place_.block * scan_.rows + place_.row;
      const std::size_t at = (row * scan_.length + begin_ + i / kGpuStates) * scan_.states + state;
      gradients_.b_parts[at] = of_b;
      gradients_.c_parts[at] = of_c;
    }
  }

  // What remains once all states have been added up.
  WARIFU_HOST_DEVICE void close_chunk() {
    if (!works()) return;
    for (std::size_t t = 0; t < steps_; ++t) {
      const std::size_t at = (place_.row * scan_.length + begin_ + t) * scan_.channels + place_.channel;
      const float u = value(scan_.u, t);
      gradients_.u[at] = delta_[t] * input_gradient_[t] + skip_ * y_gradient_[t];
      // decay_sum_ was made with A / ln 2
      const float of_delta = (u * input_gradient_[t] + decay_sum_[t] * 0.693147181F) * delta_slope_[t];
      gradients_.delta[at] = of_delta;
      bias_gradient_ += of_delta;
      skip_gradient_ += y_gradient_[t] * u;
      if (scan_.z.data != nullptr) {
        const float z = value(scan_.z, t), gate = gpu_sigmoid(z);
        gradients_.z[at] = value(gradients_.y, t) * gate * (1.0F + z * (1.0F - gate)) * sum_[t];
      }
    }
  }

  WARIFU_HOST_DEVICE void leave() {
    if (!works()) return;
    gradients_.d_parts[place_.row * scan_.channels + place_.channel] = skip_gradient_;
    gradients_.delta_bias_parts[place_.row * scan_.channels + place_.channel] = bias_gradient_;
  }

 private:
  WARIFU_HOST_DEVICE bool works() const { return place_.channel < scan_.channels; }
  WARIFU_HOST_DEVICE float value(const GpuTensor& tensor, std::size_t t) const {
    return tensor.at(place_.row, begin_ + t)[place_.channel];
  }
  WARIFU_HOST_DEVICE std::size_t of_state(std::size_t n) const {
    return (place_.row * scan_.states + n) * scan_.channels + place_.channel;
  }

  const GpuScan& scan_;
  const GpuScanGradients& gradients_;
  GpuPlace place_;
  float skip_, skip_gradient_, bias_gradient_;
  // Of the chunk that is open:
  std::size_t begin_ = 0, steps_ = 0;
  float delta_[kGpuSteps], delta_slope_[kGpuSteps], input_[kGpuSteps];
  float sum_[kGpuSteps];         // y before the gate
  float y_gradient_[kGpuSteps];  // of y before the gate
  float input_gradient_[kGpuSteps];
  float decay_sum_[kGpuSteps];  // over states, of (gradient of the decay) (decay) (A / ln 2)
};

// What one block of threads does in the backward pass. each_thread(work) runs work(thread) for every
// thread of the block and returns when all of them are done with it. shared: kGpuSharedFloats.
template <typename EachThread>
WARIFU_HOST_DEVICE void gpu_scan_backward(const GpuScan& scan, float* shared, EachThread&& each_thread) {
  for (std::size_t chunk = gpu_chunks(scan.length); chunk-- > 0;) {
    each_thread([&](GpuBackwardThread& thread) { thread.open_chunk(chunk); });
    for (std::size_t group = 0; group < scan.states; group += kGpuStates) {
      each_thread([&](GpuBackwardThread& thread) { thread.retreat(group, shared); });
      each_thread([&](GpuBackwardThread& thread) { thread.add_up(group, shared); });
    }
    each_thread([&](GpuBackwardThread& thread) { thread.close_chunk(); });
  }
  each_thread([&](GpuBackwardThread& thread) { thread.leave(); });
}

// parts: [terms][count]. The sum of those at `index`, in their order; 0 where there are none.
WARIFU_HOST_DEVICE inline float sum_in_order(const float* parts, std::size_t terms, std::size_t count,
                                             std::size_t index) {
  float sum = 0.0F;
  for (std::size_t term = 0; term < terms; ++term) sum += parts[term * count + index];
  return sum;
}

}  // namespace warifu
