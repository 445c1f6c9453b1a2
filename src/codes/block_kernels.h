#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "codes/code_blocks.h"
#include "codes/nearest_collector.h"

// Scans of blocks (code_blocks.h), for the rooms that search and measure, one set for each instruction set. The loops
// are written once (block_loops.h) on a handful of vector operations; to add a set, write those operations in
// block_kernels_foo.cc, then one line in the table of block_kernels.cc.
namespace warifu {

// Arguments of one call: blocks first … last - 1 of `codes`.
struct BlockRange {
  BlockView codes;
  std::size_t first = 0;
  std::size_t last = 0;
  // Bit i of allowed[b]: whether code 64 (first + b) + i may be found. Null: all.
  const std::uint64_t* allowed = nullptr;
};

// What take_where() took.
struct TakenBytes {
  std::size_t count = 0;
  std::uint8_t marks = 0;  // the bits that are set in any of keep[0 … count given - 1]
};

struct BlockKernels {
  std::string_view name;
  bool (*runs_here)();  // by what this processor and this system can do

  // Offers every code of the range that is nearer than a query's limit to its collector, for `count` queries as
  // query_planes() gives them. Few passes: four queries at a time share what is read.
  void (*nearest)(const BlockRange& range, const std::uint32_t* const* queries, NearestCollector* const* collectors,
                  std::size_t count);

  // distances[i]: from the query to code 64 first + i; 64 for each block, those behind the last code have no meaning.
  void (*distances)(const BlockRange& range, const std::uint32_t* query, std::uint16_t* distances);
  // The same in bytes, 255 standing for that and more.
  void (*byte_distances)(const BlockRange& range, const std::uint32_t* query, std::uint8_t* distances);

  // Writes values[i] for every i < count where keep[i] is not 0, one after the other. Up to 63 bytes behind them may
  // be written over, never behind kept[count + 63].
  TakenBytes (*take_where)(const std::uint8_t* values, const std::uint8_t* keep, std::size_t count, std::uint8_t* kept);

  // Adds to counts[v], for every v <= most, how many of values[0 … count - 1] are v; none is more than `most`.
  // `pairs` is room to count in: kBytePairs numbers, all zero, and left so.
  void (*count_bytes)(const std::uint8_t* values, std::size_t count, std::uint8_t most, std::uint32_t* counts,
                      std::uint16_t* pairs);

  // What the processor can do at best with these instructions (machine_limits.h): the loops of a scan without all
  // that a search adds. `count` is a multiple of 512.
  //
  // The xor of all 64-bit words of bytes[0 … count - 1], read in the order of this machine's bytes.
  std::uint64_t (*read_all)(const std::uint8_t* bytes, std::size_t count);
  // In how many bits the bytes differ from the four of `query` repeated, then from those of query + 1, and so on so
  // many times, in sum. count times `times` is at most 262,144.
  std::uint64_t (*count_all)(const std::uint8_t* bytes, std::size_t count, std::uint32_t query, std::uint32_t times);
};

inline constexpr std::size_t kBytePairs = std::size_t{256} * 256;

// Every set of this build, fastest first; the last one runs everywhere.
std::span<const BlockKernels> block_kernels();
// The first that runs here.
const BlockKernels& chosen_block_kernels();

#if defined(__x86_64__)
extern const BlockKernels kAvx512BlockKernels;
extern const BlockKernels kAvx2BlockKernels;
#endif
#if defined(__ARM_NEON)
extern const BlockKernels kNeonBlockKernels;
#endif
extern const BlockKernels kPortableBlockKernels;

}  // namespace warifu
