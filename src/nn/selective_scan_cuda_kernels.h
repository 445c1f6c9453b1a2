#pragma once

#include <cstddef>

#include "nn/selective_scan_gpu.h"

struct CUstream_st;  // cudaStream_t points to one

// Inside nn/ only, and only built with the option WARIFU_CUDA: selective_scan_gpu.h as CUDA kernels.
// All pointers are to memory of the current device. Each function asks for its work on `stream` and
// returns at once: nullptr, or what CUDA says against it (static text). Where nothing is to be done,
// nothing is asked for.
//
// Thread safety: may run concurrently.
namespace warifu {

// y: [rows][length][channels]
const char* scan_on_cuda(const GpuScan& scan, float* y, const GpuKept& kept, CUstream_st* stream);

const char* scan_backward_on_cuda(const GpuScan& scan, const GpuScanGradients& gradients, CUstream_st* stream);

// parts: [terms][count] -> result: [count], by sum_in_order
const char* sum_on_cuda(const float* parts, std::size_t terms, std::size_t count, float* result, CUstream_st* stream);

}  // namespace warifu
