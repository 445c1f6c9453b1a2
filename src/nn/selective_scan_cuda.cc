#include "nn/selective_scan_cuda.h"

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "nn/selective_scan_cuda_kernels.h"
#include "nn/selective_scan_gpu_tensors.h"

namespace warifu {
namespace {

void must_be_accepted(const char* error) { TORCH_CHECK(error == nullptr, "selective scan: CUDA: ", error); }

class CudaDevice {
 public:
  explicit CudaDevice(const torch::Device& device) : current_(device) {}

  void scan(const GpuScan& scan, float* y, const GpuKept& kept) const {
    must_be_accepted(scan_on_cuda(scan, y, kept, stream()));
  }
  void scan_backward(const GpuScan& scan, const GpuScanGradients& gradients) const {
    must_be_accepted(scan_backward_on_cuda(scan, gradients, stream()));
  }
  void sum(const float* parts, std::size_t terms, std::size_t count, float* result) const {
    must_be_accepted(sum_on_cuda(parts, terms, count, result, stream()));
  }

 private:
  static cudaStream_t stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

  c10::cuda::CUDAGuard current_;
};

}  // namespace

torch::Tensor selective_scan_on_cuda(const SelectiveScanInputs& inputs, bool with_gradients) {
  return gpu_selective_scan<CudaDevice>(inputs, with_gradients);
}

}  // namespace warifu
