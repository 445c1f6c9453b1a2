#include "nn/selective_scan_kernels.h"

#include <algorithm>
#include <array>

namespace warifu {

std::span<const ScanKernels> scan_kernels() {
  static const std::array kernels = {
#if defined(__x86_64__)
    kAvx512ScanKernels,
    kAvx2ScanKernels,
#endif
    kPortableScanKernels,
  };
  return kernels;
}

const ScanKernels& chosen_scan_kernels() {
  static const ScanKernels& chosen =
      *std::ranges::find_if(scan_kernels(), [](const ScanKernels& kernels) { return kernels.runs_here(); });
  return chosen;
}

}  // namespace warifu
