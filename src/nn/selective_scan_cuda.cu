#include <cuda_runtime.h>

#include <limits>

#include "nn/selective_scan_cuda_kernels.h"

namespace warifu {
namespace {

constexpr std::size_t kSumThreads = 256;

__global__ void __launch_bounds__(kGpuChannels) scan_kernel(const GpuScan scan, float* y, const GpuKept kept) {
  gpu_scan(scan, GpuPlace(scan, blockIdx.x, threadIdx.x), y, kept);
}

// The thread that runs it, and then waits for the others of its block.
struct ThisThread {
  GpuBackwardThread& thread;

  template <typename Work>
  WARIFU_HOST_DEVICE void operator()(const Work& work) const {
    work(thread);
#ifdef __CUDA_ARCH__
    __syncthreads();
#endif
  }
};

__global__ void __launch_bounds__(kGpuChannels)
    scan_backward_kernel(const GpuScan scan, const GpuScanGradients gradients) {
  __shared__ float shared[kGpuSharedFloats];
  GpuBackwardThread thread(scan, gradients, GpuPlace(scan, blockIdx.x, threadIdx.x));
  gpu_scan_backward(scan, shared, ThisThread{thread});
}

__global__ void sum_kernel(const float* parts, std::size_t terms, std::size_t count, float* result) {
  const std::size_t index = std::size_t{blockIdx.x} * kSumThreads + threadIdx.x;
  if (index < count) result[index] = sum_in_order(parts, terms, count, index);
}

// launch(blocks) where there are any.
template <typename Launch>
const char* launched(std::size_t blocks, const Launch& launch) {
  if (blocks == 0) return nullptr;
  if (blocks > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return cudaGetErrorString(cudaErrorInvalidConfiguration);
  launch(static_cast<unsigned>(blocks));
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

}  // namespace

const char* scan_on_cuda(const GpuScan& scan, float* y, const GpuKept& kept, cudaStream_t stream) {
  return launched(scan.rows * gpu_blocks_of_row(scan.channels),
                  [&](unsigned blocks) { scan_kernel<<<blocks, kGpuChannels, 0, stream>>>(scan, y, kept); });
}

const char* scan_backward_on_cuda(const GpuScan& scan, const GpuScanGradients& gradients, cudaStream_t stream) {
  return launched(scan.rows * gpu_blocks_of_row(scan.channels),
                  [&](unsigned blocks) { scan_backward_kernel<<<blocks, kGpuChannels, 0, stream>>>(scan, gradients); });
}

const char* sum_on_cuda(const float* parts, std::size_t terms, std::size_t count, float* result, cudaStream_t stream) {
  return launched((count + kSumThreads - 1) / kSumThreads, [&](unsigned blocks) {
    sum_kernel<<<blocks, kSumThreads, 0, stream>>>(parts, terms, count, result);
  });
}

}  // namespace warifu
