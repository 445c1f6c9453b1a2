#include "nn/tensor_runtime.h"

#include <torch/version.h>

#include "nn/single_threaded_tensors.h"

namespace warifu {

void use_single_threaded_tensors() { static const SingleThreadedTensors for_good; }

std::string tensor_library_version() { return TORCH_VERSION; }

}  // namespace warifu
