#include "nn/selective_scan_kernels.h"

#include <algorithm>
#include <array>
#include <cassert>

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

const ScanKernels& scan_kernels_named(std::string_view name) {
  const auto found = std::ranges::find(scan_kernels(), name, &ScanKernels::name);
  assert(found != scan_kernels().end() && "a name from the table");
  return *found;
}

const ScanKernels& chosen_scan_kernels() {
  static const ScanKernels& chosen =
      *std::ranges::find_if(scan_kernels(), [](const ScanKernels& kernels) { return kernels.runs_here(); });
  return chosen;
}

}  // namespace warifu
