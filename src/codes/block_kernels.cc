#include "codes/block_kernels.h"

#include <algorithm>
#include <array>
#include <vector>

namespace warifu {
namespace {

const std::vector<BlockKernels>& table() {
  static const std::vector<BlockKernels> kernels = {
#if defined(__x86_64__)
    kAvx512BlockKernels,
    kAvx2BlockKernels,
#endif
#if defined(__ARM_NEON)
    kNeonBlockKernels,
#endif
    kPortableBlockKernels,
  };
  return kernels;
}

}  // namespace

std::span<const BlockKernels> block_kernels() { return table(); }

const BlockKernels& chosen_block_kernels() {
  static const BlockKernels& chosen =
      *std::ranges::find_if(table(), [](const BlockKernels& kernels) { return kernels.runs_here(); });
  return chosen;
}

}  // namespace warifu
