#include "engine/start_up.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "base/parallel.h"
#include "codes/block_kernels.h"
#include "nn/tensor_runtime.h"

namespace warifu {

void start_up(std::size_t threads) {
  set_thread_count(threads);
  use_single_threaded_tensors();
#if defined(__GLIBC__)
  // Results of a search lie at the top of the heap; given back to the system after each, they are faulted in again at
  // the next, which took longer than finding a thousand neighbours among a million.
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  // The same of tensors: without this the line above would leave everything from 128 KiB on to mmap, and every step of
  // a network would fault its memory in anew (half the time of a picture through MobileNetV2).
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
#endif
}

std::string engine_description() {
  return "Hamming kernel: " + std::string(chosen_block_kernels().name) + "\nlibtorch: " + tensor_library_version();
}

}  // namespace warifu
