#include "nn/single_threaded_tensors.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <dlfcn.h>

#include "base/parallel.h"
#include "nn/tensor_runtime.h"

namespace warifu {
namespace {

// OpenBLAS keeps threads of its own that libtorch does not control. Looked up by name because
// another libtorch may stand on another BLAS, which follows at::set_num_threads.
template <typename Function>
Function* library_function(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

int blas_threads() {
  static auto* const get = library_function<int()>("openblas_get_num_threads");
  return get != nullptr ? get() : 0;
}

void set_blas_threads(int threads) {
  static auto* const set = library_function<void(int)>("openblas_set_num_threads");
  if (set != nullptr && threads > 0) set(threads);
}

}  // namespace

// Nothing gives these settings back at exit: libtorch and oneDNN have freed this thread's storage by then.
void use_single_threaded_tensors() {
  at::set_num_threads(1);
  set_blas_threads(1);
}

SingleThreadedTensors::SingleThreadedTensors() : tensor_threads_(at::get_num_threads()), blas_threads_(blas_threads()) {
  use_single_threaded_tensors();
}

SingleThreadedTensors::~SingleThreadedTensors() {
  set_blas_threads(blas_threads_);  // first: an OpenBLAS that uses OpenMP sets OpenMP's threads, too
  at::set_num_threads(tensor_threads_);
}

void for_each_alone(std::size_t count, const std::function<void(std::size_t)>& work) {
  const SingleThreadedTensors single_threaded;
  parallel_for(count, 1, [&](std::size_t begin, std::size_t end) {
    // OpenMP's thread count belongs to each thread: asking hands ours, 1, to a thread that is new
    // before oneDNN, which would not ask, can see it.
    TORCH_INTERNAL_ASSERT(at::get_num_threads() == 1);
    const c10::InferenceMode inference;
    for (std::size_t i = begin; i < end; ++i) work(i);
  });
}

}  // namespace warifu
