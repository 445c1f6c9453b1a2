#pragma once

#include <torch/torch.h>

#include "nn/selective_scan.h"

namespace warifu {

// Inside nn/ only, and only built with the option WARIFU_CUDA: selective_scan() for tensors of one
// CUDA device, which have been checked. TORCH_CHECK fails with what CUDA says.
//
// Thread safety: may run concurrently.
torch::Tensor selective_scan_on_cuda(const SelectiveScanInputs& inputs, bool with_gradients);

}  // namespace warifu
