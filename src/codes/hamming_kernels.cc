#include "codes/hamming_kernels.h"

#include <array>

namespace warifu {
namespace {

constexpr std::array kKernels = {
#if defined(__x86_64__)
    HammingKernelEntry{"avx512-vpopcntdq", hamming_avx512,
                       [] {
                         return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                                __builtin_cpu_supports("avx512bw") != 0 &&
                                __builtin_cpu_supports("avx512vpopcntdq") != 0 && __builtin_cpu_supports("popcnt") != 0;
                       }},
    HammingKernelEntry{"avx2", hamming_avx2,
                       [] { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("popcnt") != 0; }},
    HammingKernelEntry{"popcnt", hamming_popcnt, [] { return __builtin_cpu_supports("popcnt") != 0; }},
#endif
    HammingKernelEntry{"portable", hamming_portable, [] { return true; }},
};

}  // namespace

std::span<const HammingKernelEntry> hamming_kernels() { return kKernels; }

}  // namespace warifu
