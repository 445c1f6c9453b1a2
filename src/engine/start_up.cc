#include "engine/start_up.h"

#include "base/parallel.h"
#include "codes/hamming.h"
#include "nn/tensor_runtime.h"

namespace warifu {

void start_up(std::size_t threads) {
  set_thread_count(threads);
  use_single_threaded_tensors();
}

std::string engine_description() {
  return "Hamming kernel: " + std::string(hamming_kernel_name()) + "\nlibtorch: " + tensor_library_version();
}

}  // namespace warifu
