#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

// Inside codes/ only: the ways to count differing bits, one file for each instruction set.
// To add one: write hamming_foo.cc, then one line in the table of hamming_kernels.cc.
namespace warifu {

// distances[i] = number of differing bits of query[0 … words) and codes[i * words … (i + 1) * words),
// for i < count. No alignment is asked for; nothing outside the arrays is touched.
using HammingKernel = void (*)(const std::uint64_t* query, const std::uint64_t* codes, std::size_t words,
                               std::size_t count, std::uint16_t* distances);

struct HammingKernelEntry {
  std::string_view name;
  HammingKernel kernel;
  bool (*runs_here)();  // by what this processor and this system can do
};

// Every kernel of this build, fastest first; the last one runs everywhere.
std::span<const HammingKernelEntry> hamming_kernels();

void hamming_portable(const std::uint64_t* query, const std::uint64_t* codes, std::size_t words, std::size_t count,
                      std::uint16_t* distances);

#if defined(__x86_64__)
void hamming_popcnt(const std::uint64_t* query, const std::uint64_t* codes, std::size_t words, std::size_t count,
                    std::uint16_t* distances);
void hamming_avx2(const std::uint64_t* query, const std::uint64_t* codes, std::size_t words, std::size_t count,
                  std::uint16_t* distances);
void hamming_avx512(const std::uint64_t* query, const std::uint64_t* codes, std::size_t words, std::size_t count,
                    std::uint16_t* distances);
#endif

}  // namespace warifu
