#pragma once

#include <cstddef>
#include <span>
#include <string_view>

// Inside nn/ only: the loops of a Mamba block over time (selective_scan.h, causal_conv.h) for plain
// memory, one set for each instruction set. The loops are written once (selective_scan_loops.h) on a
// handful of vector operations; to add a set, write those operations in selective_scan_foo.cc, then
// one line in the table of selective_scan_kernels.cc.
//
// One call works on one row of the batch and up to kScanChannels neighbouring channels, on the
// calling thread, and touches nothing that another task writes. Sets with fused multiply-add
// give the same bits as each other, whatever the width of their vectors; the portable one rounds
// products and so differs in the last places.
namespace warifu {

inline constexpr std::size_t kScanChannels = 128;  // channels of one task
inline constexpr std::size_t kScanSteps = 16;      // time steps from one kept state to the next
inline constexpr std::size_t kScanStateGroup = 4;  // states worked on side by side
inline constexpr std::size_t kScanSumLanes = 16;   // sums over channels: channel i goes to partial sum i % 16

// Row t lies at data + t * stride; the floats of a row are neighbours. No alignment is asked for.
struct ConstRows {
  const float* data = nullptr;
  std::size_t stride = 0;
};
struct Rows {
  float* data = nullptr;
  std::size_t stride = 0;
};

// The number of states filled up to whole groups; the states added have decay 1 and no input.
constexpr std::size_t padded_states(std::size_t states) {
  return (states + kScanStateGroup - 1) / kScanStateGroup * kScanStateGroup;
}

// The kept states of one task: those before steps kScanSteps, 2 kScanSteps, …; before step 0 it is 0.
constexpr std::size_t checkpoint_floats(std::size_t length, std::size_t states) {
  return length == 0 ? 0 : (length - 1) / kScanSteps * padded_states(states) * kScanChannels;
}

inline constexpr std::size_t kScratchGap = 48;  // floats between the parts of scratch

// Room a forward or backward pass needs, whatever the length; best aligned to 64 bytes.
constexpr std::size_t scan_scratch_floats(std::size_t states) {
  const std::size_t padded = padded_states(states);
  return kScanChannels * (2 * padded + 10 * kScanSteps + 2)        // states and their gradients; rows
         + 2 * kScanSteps * padded                                 // B and C
         + 2 * (kScanSteps + 1) * kScanStateGroup * kScanSumLanes  // states and decays of a group
         + 2 * kScanSteps * kScanStateGroup * kScanSumLanes        // partial sums over channels
         + 18 * kScratchGap;
}

// What one task reads. Names are those of selective_scan.h.
struct ScanTask {
  std::size_t length = 0;
  std::size_t channels = 0;  // 1 … kScanChannels
  std::size_t states = 0;
  ConstRows u, delta;                 // rows of `channels`
  ConstRows z;                        // the same; no data: no gate
  ConstRows b, c;                     // rows of `states`
  const float* log2_decay = nullptr;  // [padded states][kScanChannels]: A / ln 2; 0 where nothing is
  const float* skip = nullptr;        // [kScanChannels]: D, or zeros
  const float* delta_bias = nullptr;  // [kScanChannels], or zeros
  bool delta_softplus = false;
};

// What a backward pass reads besides, and where it writes. `b` and `c` are this task's share, to be
// added up over the channels; `decay`, `skip` and `delta_bias` are to be added up over the batch.
struct ScanGradients {
  ConstRows y;                         // rows of `channels`
  const float* checkpoints = nullptr;  // as the forward pass left them
  Rows u, delta, z;                    // rows of `channels`; z only where the task has it
  Rows b, c;                           // rows of padded states
  float* decay = nullptr;              // [padded states][kScanChannels], of A
  float* skip = nullptr;               // [kScanChannels]
  float* delta_bias = nullptr;         // [kScanChannels]
};

// One row and up to kScanChannels channels of a causal depth-wise convolution with SiLU after it.
struct ConvTask {
  std::size_t length = 0;
  std::size_t channels = 0;       // 1 … kScanChannels
  std::size_t taps = 0;           // >= 1
  ConstRows x;                    // rows of `channels`
  const float* weight = nullptr;  // [taps][kScanChannels], the last tap is the present; 0 where nothing is
  const float* bias = nullptr;    // [kScanChannels], or zeros
};

struct ConvGradients {
  ConstRows y;
  Rows x;
  float* weight = nullptr;  // [taps][kScanChannels], of this row of the batch
  float* bias = nullptr;    // [kScanChannels], of this row of the batch
};

constexpr std::size_t conv_scratch_floats(std::size_t length, std::size_t taps) {
  return kScanChannels * (length + 2 * taps);
}

struct ScanKernels {
  std::string_view name;
  // y: rows of `channels`. checkpoints: checkpoint_floats(), or nullptr where no backward pass follows.
  void (*scan)(const ScanTask& task, const Rows& y, float* checkpoints, float* scratch);
  void (*scan_backward)(const ScanTask& task, const ScanGradients& gradients, float* scratch);
  void (*convolve)(const ConvTask& task, const Rows& y);
  void (*convolve_backward)(const ConvTask& task, const ConvGradients& gradients, float* scratch);

  // The functions inside, for the test of their error. Each on `count` numbers:
  void (*exp)(const float* x, std::size_t count, float* result);
  void (*exp2_product)(const float* x, const float* y, std::size_t count, float* result);  // 2^(x y)
  void (*softplus)(const float* x, std::size_t count, float* result, float* slope);        // slope: sigmoid(x)

  bool (*runs_here)();  // by what this processor and this system can do
};

// Every set of this build, fastest first; the last one runs everywhere.
std::span<const ScanKernels> scan_kernels();

// The set of that name, which is one of them.
const ScanKernels& scan_kernels_named(std::string_view name);

// The first that runs here.
const ScanKernels& chosen_scan_kernels();

extern const ScanKernels kPortableScanKernels;
#if defined(__x86_64__)
extern const ScanKernels kAvx2ScanKernels;
extern const ScanKernels kAvx512ScanKernels;
#endif

}  // namespace warifu
