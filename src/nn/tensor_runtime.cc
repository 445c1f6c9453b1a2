#include "nn/tensor_runtime.h"

#include <torch/torch.h>

namespace warifu {

void set_tensor_threads(std::size_t threads) { at::set_num_threads(static_cast<int>(threads)); }

std::string tensor_library_version() { return TORCH_VERSION; }

}  // namespace warifu
