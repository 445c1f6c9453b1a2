#include "nn/tensor_runtime.h"

#include <torch/version.h>

namespace warifu {

std::string tensor_library_version() { return TORCH_VERSION; }

}  // namespace warifu
