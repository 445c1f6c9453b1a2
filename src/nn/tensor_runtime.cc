#include "nn/tensor_runtime.h"

#include <torch/version.h>

#include "nn/single_threaded_tensors.h"

namespace warifu {

// Never destroyed: giving the settings back at exit would use storage of this thread that libtorch
// and oneDNN have freed by then.
void use_single_threaded_tensors() { [[maybe_unused]] static const auto* const for_good = new SingleThreadedTensors; }

std::string tensor_library_version() { return TORCH_VERSION; }

}  // namespace warifu
