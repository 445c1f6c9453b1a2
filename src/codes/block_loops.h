// The loops over blocks, once for all instruction sets. Included by block_kernels_<set>.cc after it has defined
// WARIFU_TARGET, the attributes of a function compiled for that set; everything here is inside that file only.
//
// A set is a struct Isa with
//   Vector                    kLanes bytes, 64 or a part of 64
//   kSaturates                add() stops at 255, so that more than 31 bytes can be added up
//   load(bytes), store(bytes, v), broadcast(four equal bytes)
//   differing(a, b)           number of differing bits, byte by byte
//   add(a, b)                 byte by byte. Where the set can, saturating: the compiler then keeps the order of the
//                             sums, while plain additions it rearranges until registers run out (128 bits: 1.6 times
//                             as slow)
//   below(v, limits)          bit i: v[i] < limits[i], unsigned
//   write_lanes(lanes, values, first, places, taken)
//                             for each set bit i of `lanes`, in their order: first + i to places, values[i] to taken;
//                             may write up to 64 of both
//   take_where, count_bytes   as in block_kernels.h, or those of OneByOne, from which a set may be derived
//   Counts, count(n, a, b)    adds to n the differing bits of a and b in the fewest instructions the set has for it;
//                             total(n) is their sum. One has room for 4,000 additions
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "codes/block_kernels.h"

namespace warifu {
namespace {

// Codes of this many bytes have distances that fit in a byte.
constexpr std::size_t kByteDistanceBytes = 31;

// The sums of kQueries queries against kBlocks blocks, of which `part` lanes are looked at. kBytes 0: `bytes` counts.
template <typename Isa, std::size_t kBytes, std::size_t kQueries, std::size_t kBlocks>
struct Tile {
  typename Isa::Vector sums[kQueries][kBlocks];

  WARIFU_TARGET __attribute__((always_inline)) inline void add_up(const std::uint8_t* block, std::size_t bytes,
                                                                  const std::uint32_t* const* queries) {
    const std::size_t width = kBytes == 0 ? bytes : kBytes;
    add_plane<true>(block, width, 0, queries);
    if constexpr (kBytes == 0) {
      for (std::size_t p = 1; p < width; ++p) add_plane<false>(block, width, p, queries);
    } else {
#pragma GCC unroll 32
      for (std::size_t p = 1; p < kBytes; ++p) add_plane<false>(block, width, p, queries);
    }
  }

 private:
  template <bool kFirst>
  WARIFU_TARGET __attribute__((always_inline)) inline void add_plane(const std::uint8_t* block, std::size_t width,
                                                                     std::size_t p,
                                                                     const std::uint32_t* const* queries) {
    typename Isa::Vector codes[kBlocks];
#pragma GCC unroll 4
    for (std::size_t b = 0; b < kBlocks; ++b) codes[b] = Isa::load(block + (b * width + p) * kBlockCodes);
#pragma GCC unroll 4
    for (std::size_t q = 0; q < kQueries; ++q) {
      const auto query = Isa::broadcast(queries[q][p]);
#pragma GCC unroll 4
      for (std::size_t b = 0; b < kBlocks; ++b) {
        const auto differing = Isa::differing(codes[b], query);
        sums[q][b] = kFirst ? differing : Isa::add(sums[q][b], differing);
      }
    }
  }
};

// Distances of a block in bytes; exact below 255.
template <typename Isa, std::size_t kBytes>
WARIFU_TARGET __attribute__((always_inline)) inline void block_bytes(const std::uint8_t* block, std::size_t bytes,
                                                                     const std::uint32_t* query,
                                                                     std::uint8_t* distances) {
  for (std::size_t part = 0; part < kBlockCodes; part += Isa::kLanes) {
    Tile<Isa, kBytes, 1, 1> tile;
    tile.add_up(block + part, bytes, &query);
    Isa::store(distances + part, tile.sums[0][0]);
  }
}

// Distances of a block of codes of any length, exact.
template <typename Isa>
WARIFU_TARGET void block_words(const std::uint8_t* block, std::size_t bytes, const std::uint32_t* query,
                               std::uint16_t* distances) {
  std::fill_n(distances, kBlockCodes, std::uint16_t{0});
  for (std::size_t p = 0; p < bytes; p += kByteDistanceBytes) {
    alignas(64) std::uint8_t part[kBlockCodes];
    block_bytes<Isa, 0>(block + p * kBlockCodes, std::min(kByteDistanceBytes, bytes - p), query + p, part);
    for (std::size_t i = 0; i < kBlockCodes; ++i) distances[i] = static_cast<std::uint16_t>(distances[i] + part[i]);
  }
}

// Bits of the block's lanes that hold a code and may be found.
inline std::uint64_t open_lanes(const BlockRange& range, std::size_t block) {
  const std::size_t left = range.codes.count - block * kBlockCodes;
  const std::uint64_t lanes = left >= kBlockCodes ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
  return range.allowed == nullptr ? lanes : lanes & range.allowed[block - range.first];
}

// Where a limit does not fit in a byte: in the first blocks of long codes, or when nearly everything is wanted.
template <typename Isa>
WARIFU_TARGET std::size_t scan_words(const BlockRange& range, std::size_t block, const std::uint32_t* query,
                                     NearestCollector& collector) {
  const std::size_t bytes = range.codes.bytes_per_code();
  for (; block < range.last && (collector.limit() > 255 || (!Isa::kSaturates && bytes > kByteDistanceBytes)); ++block) {
    alignas(64) std::uint16_t distances[kBlockCodes];
    block_words<Isa>(range.codes.planes + block * bytes * kBlockCodes, bytes, query, distances);
    std::uint64_t near = 0;
    for (std::size_t i = 0; i < kBlockCodes; ++i) near |= std::uint64_t{distances[i] < collector.limit()} << i;
    near &= open_lanes(range, block);
    if (near != 0) collector.keep(static_cast<std::uint32_t>(block * kBlockCodes), near, distances);
  }
  return block;
}

// How far ahead a single query asks for its codes, and the bytes of codes from which it does. Processors read ahead by
// themselves, but not into the next page, of which four blocks of 64 bits take half: without, one query reads ten
// million such codes at half the speed of memory. What lies in a cache anyway is only slowed down by asking.
constexpr std::size_t kReadAheadBytes = std::size_t{8} << 10;
constexpr std::size_t kReadAheadFrom = std::size_t{16} << 20;

// Blocks looked at before what was found in them is kept and limits fall.
constexpr std::size_t kChunk = 128;

// The blocks of a chunk in which a query found something.
struct Found {
  std::uint8_t blocks[kChunk + 1];  // one more: it is written before it is known whether it stays
  std::size_t count = 0;
};

// Looks at kBlocks blocks and notes, without a branch (it would be mispredicted at nearly every find, for longer than
// a block takes), where a code is below its query's limit.
template <typename Isa, std::size_t kBytes, std::size_t kQueries, std::size_t kBlocks>
WARIFU_TARGET __attribute__((always_inline)) inline void look_at(const BlockRange& range, std::size_t chunk,
                                                                 std::size_t place, const std::uint32_t* const* queries,
                                                                 const typename Isa::Vector* limits, Found* found) {
  const std::size_t bytes = kBytes == 0 ? range.codes.bytes_per_code() : kBytes;
  const std::uint8_t* const codes = range.codes.planes + (chunk + place) * bytes * kBlockCodes;
  if constexpr (kQueries == 1) {
    const std::uint8_t* const ahead = codes + kReadAheadBytes;
    if (range.codes.block_bytes() >= kReadAheadFrom && ahead < range.codes.planes + range.last * bytes * kBlockCodes)
      for (std::size_t line = 0; line < kBlocks * bytes; ++line) __builtin_prefetch(ahead + line * kBlockCodes);
  }
  std::uint64_t near[kQueries][kBlocks] = {};
#pragma GCC unroll 8
  for (std::size_t part = 0; part < kBlockCodes; part += Isa::kLanes) {
    Tile<Isa, kBytes, kQueries, kBlocks> tile;
    tile.add_up(codes + part, bytes, queries);
#pragma GCC unroll 4
    for (std::size_t q = 0; q < kQueries; ++q)
#pragma GCC unroll 4
      for (std::size_t b = 0; b < kBlocks; ++b)
        near[q][b] |= static_cast<std::uint64_t>(Isa::below(tile.sums[q][b], limits[q])) << part;
  }
#pragma GCC unroll 4
  for (std::size_t b = 0; b < kBlocks; ++b) {
    const std::uint64_t allowed =
        range.allowed == nullptr ? ~std::uint64_t{0} : range.allowed[chunk + place + b - range.first];
#pragma GCC unroll 4
    for (std::size_t q = 0; q < kQueries; ++q) {
      found[q].blocks[found[q].count] = static_cast<std::uint8_t>(place + b);
      found[q].count += (near[q][b] & allowed) != 0 ? 1 : 0;
    }
  }
}

// Found in one block, so many lower the limit at once; of fewer it is not asked block by block, which of all that is
// done for a find would take longest.
constexpr std::size_t kMany = 8;

template <typename Isa, std::size_t kBytes>
WARIFU_TARGET void keep_found(const BlockRange& range, std::size_t chunk, const Found& found,
                              const std::uint32_t* query, NearestCollector& collector) {
  const std::size_t bytes = kBytes == 0 ? range.codes.bytes_per_code() : kBytes;
  for (std::size_t i = 0; i < found.count; ++i) {
    const std::size_t block = chunk + found.blocks[i];
    const auto room = collector.room();  // may lower the limit
    alignas(64) std::uint8_t distances[kBlockCodes];
    const auto limit = Isa::broadcast(0x01010101U * collector.limit());
    std::uint64_t near = 0;
#pragma GCC unroll 8
    for (std::size_t part = 0; part < kBlockCodes; part += Isa::kLanes) {
      Tile<Isa, kBytes, 1, 1> tile;
      tile.add_up(range.codes.planes + block * bytes * kBlockCodes + part, bytes, &query);
      Isa::store(distances + part, tile.sums[0][0]);
      near |= static_cast<std::uint64_t>(Isa::below(tile.sums[0][0], limit)) << part;
    }
    const auto first = static_cast<std::uint32_t>(block * kBlockCodes);
    near = collector.allowed(first, near & open_lanes(range, block));
    Isa::write_lanes(near, distances, first, room.positions, room.distances);
    const auto count = static_cast<std::size_t>(__builtin_popcountll(near));
    collector.added(count);
    if (count >= kMany) collector.lower_limit();
  }
  collector.lower_limit();
}

// All limits are at most 255.
template <typename Isa, std::size_t kBytes, std::size_t kQueries, std::size_t kBlocks>
WARIFU_TARGET void scan_blocks(const BlockRange& range, std::size_t block, const std::uint32_t* const* queries,
                               NearestCollector* const* collectors) {
  bool started = true;
  for (std::size_t q = 0; q < kQueries; ++q) started = started && collectors[q]->kept() >= kBlockCodes;
  // Limits fall fastest at the beginning.
  std::size_t size = started ? kChunk : 4;
  for (; block < range.last; block += size, size = std::min(2 * size, kChunk)) {
    size = std::min(size, range.last - block);
    typename Isa::Vector limits[kQueries];
    Found found[kQueries];
    for (std::size_t q = 0; q < kQueries; ++q) limits[q] = Isa::broadcast(0x01010101U * collectors[q]->limit());
    std::size_t place = 0;
    for (; place + kBlocks <= size; place += kBlocks) {
      if (range.allowed != nullptr) {
        std::uint64_t open = 0;
        for (std::size_t b = 0; b < kBlocks; ++b) open |= range.allowed[block + place + b - range.first];
        if (open == 0) continue;
      }
      look_at<Isa, kBytes, kQueries, kBlocks>(range, block, place, queries, limits, found);
    }
    if constexpr (kBlocks > 1)
      for (; place < size; ++place) look_at<Isa, kBytes, kQueries, 1>(range, block, place, queries, limits, found);
    for (std::size_t q = 0; q < kQueries; ++q)
      keep_found<Isa, kBytes>(range, block, found[q], queries[q], *collectors[q]);
  }
}

template <typename Isa, std::size_t kBytes>
WARIFU_TARGET void nearest_of_width(const BlockRange& range, const std::uint32_t* const* queries,
                                    NearestCollector* const* collectors, std::size_t count) {
  // Queries whose limit fits in a byte go four at a time, the others by themselves until it does.
  const std::uint32_t* shared_queries[4];
  NearestCollector* shared_collectors[4];
  std::size_t shared = 0;
  for (std::size_t q = 0; q < count; ++q) {
    const std::size_t block = scan_words<Isa>(range, range.first, queries[q], *collectors[q]);
    if (block > range.first || block == range.last) {
      if (block < range.last) scan_blocks<Isa, kBytes, 1, Isa::kBlocksAlone>(range, block, queries + q, collectors + q);
      continue;
    }
    shared_queries[shared] = queries[q];
    shared_collectors[shared] = collectors[q];
    if (++shared < 4) continue;
    scan_blocks<Isa, kBytes, 4, 1>(range, range.first, shared_queries, shared_collectors);
    shared = 0;
  }
  for (std::size_t q = 0; q < shared; ++q)
    scan_blocks<Isa, kBytes, 1, Isa::kBlocksAlone>(range, range.first, shared_queries + q, shared_collectors + q);
}

template <typename Isa>
void nearest_in_blocks(const BlockRange& range, const std::uint32_t* const* queries,
                       NearestCollector* const* collectors, std::size_t count) {
  switch (range.codes.bytes_per_code()) {
    case 2:
      return nearest_of_width<Isa, 2>(range, queries, collectors, count);
    case 4:
      return nearest_of_width<Isa, 4>(range, queries, collectors, count);
    case 8:
      return nearest_of_width<Isa, 8>(range, queries, collectors, count);
    case 16:
      return nearest_of_width<Isa, 16>(range, queries, collectors, count);
    case 32:
      return nearest_of_width<Isa, 32>(range, queries, collectors, count);
    default:
      return nearest_of_width<Isa, 0>(range, queries, collectors, count);
  }
}

template <typename Isa, std::size_t kBytes>
WARIFU_TARGET void byte_distances_of_width(const BlockRange& range, const std::uint32_t* query,
                                           std::uint8_t* distances) {
  const std::size_t bytes = range.codes.bytes_per_code();
  for (std::size_t block = range.first; block < range.last; ++block, distances += kBlockCodes)
    block_bytes<Isa, kBytes>(range.codes.planes + block * bytes * kBlockCodes, bytes, query, distances);
}

template <typename Isa>
WARIFU_TARGET void distances_in_blocks(const BlockRange& range, const std::uint32_t* query, std::uint16_t* distances) {
  const std::size_t bytes = range.codes.bytes_per_code();
  for (std::size_t block = range.first; block < range.last; ++block, distances += kBlockCodes)
    block_words<Isa>(range.codes.planes + block * bytes * kBlockCodes, bytes, query, distances);
}

template <typename Isa>
WARIFU_TARGET void byte_distances_in_blocks(const BlockRange& range, const std::uint32_t* query,
                                            std::uint8_t* distances) {
  const std::size_t bytes = range.codes.bytes_per_code();
  if (!Isa::kSaturates && bytes > kByteDistanceBytes) {
    for (std::size_t block = range.first; block < range.last; ++block, distances += kBlockCodes) {
      alignas(64) std::uint16_t words[kBlockCodes];
      block_words<Isa>(range.codes.planes + block * bytes * kBlockCodes, bytes, query, words);
      for (std::size_t i = 0; i < kBlockCodes; ++i)
        distances[i] = static_cast<std::uint8_t>(std::min<std::uint16_t>(words[i], 255));
    }
    return;
  }
  switch (bytes) {
    case 2:
      return byte_distances_of_width<Isa, 2>(range, query, distances);
    case 4:
      return byte_distances_of_width<Isa, 4>(range, query, distances);
    case 8:
      return byte_distances_of_width<Isa, 8>(range, query, distances);
    case 16:
      return byte_distances_of_width<Isa, 16>(range, query, distances);
    default:
      return byte_distances_of_width<Isa, 0>(range, query, distances);
  }
}

inline void count_one_by_one(const std::uint8_t* values, std::size_t count, std::uint32_t* counts) {
  for (std::size_t i = 0; i < count; ++i) ++counts[values[i]];
}

// Moves what was counted of pairs (low byte first) to the counts of their bytes.
WARIFU_TARGET inline void fold_pairs(std::size_t most, std::uint32_t* counts, std::uint16_t* pairs) {
  for (std::size_t second = 0; second <= most; ++second) {
    std::uint16_t* const row = pairs + second * 256;
    std::uint32_t of_second = 0;
    for (std::size_t first = 0; first <= most; ++first) {
      counts[first] += row[first];
      of_second += row[first];
    }
    counts[second] += of_second;
    std::fill_n(row, most + 1, std::uint16_t{0});
  }
}

// What a histogram costs is the additions to memory, about one a cycle: here one counts two bytes.
WARIFU_TARGET inline void count_byte_pairs(const std::uint8_t* values, std::size_t count, std::uint8_t most,
                                           std::uint32_t* counts, std::uint16_t* pairs) {
  constexpr std::size_t kOften =
      std::size_t{65535} / 4 * 8;  // so many bytes can be the same before a count of pairs overflows
  const std::size_t side = std::size_t{most} + 1;
  const std::size_t whole = count < side * side / 2 ? 0 : count / 8 * 8;  // folding must pay
  for (std::size_t begin = 0; begin < whole; begin += kOften) {
    const std::size_t end = std::min(begin + kOften, whole);
    for (std::size_t i = begin; i < end; i += 8) {
      // Byte by byte, and not as words: the same pairs on any processor.
      for (std::size_t j = i; j < i + 8; j += 2) ++pairs[values[j] | values[j + 1] << 8];
    }
    fold_pairs(most, counts, pairs);
  }
  count_one_by_one(values + whole, count - whole, counts);
}

// What a set has no instructions of its own for.
struct OneByOne {
  WARIFU_TARGET static TakenBytes take_where(const std::uint8_t* values, const std::uint8_t* keep, std::size_t count,
                                             std::uint8_t* kept) {
    TakenBytes taken;
    for (std::size_t i = 0; i < count; ++i) {
      kept[taken.count] = values[i];
      taken.count += keep[i] != 0 ? 1 : 0;
      taken.marks |= keep[i];
    }
    return taken;
  }

  WARIFU_TARGET static void write_lanes(std::uint64_t lanes, const std::uint8_t* values, std::uint32_t first,
                                        std::uint32_t* places, std::uint16_t* taken) {
    for (; lanes != 0; lanes &= lanes - 1) {
      const int lane = __builtin_ctzll(lanes);
      *places++ = first + static_cast<std::uint32_t>(lane);
      *taken++ = values[lane];
    }
  }

  WARIFU_TARGET static void count_bytes(const std::uint8_t* values, std::size_t count, std::uint8_t most,
                                        std::uint32_t* counts, std::uint16_t* pairs) {
    count_byte_pairs(values, count, most, counts, pairs);
  }
};

// Where a read or a count ends up, one after the other: enough of them to wait for none.
constexpr std::size_t kAccumulators = 8;

template <typename Isa>
WARIFU_TARGET std::uint64_t read_all_bytes(const std::uint8_t* bytes, std::size_t count) {
  typename Isa::Vector words[kAccumulators];
#pragma GCC unroll 8
  for (auto& word : words) word = typename Isa::Vector{};
  for (std::size_t i = 0; i < count; i += kAccumulators * Isa::kLanes) {
#pragma GCC unroll 8
    for (std::size_t a = 0; a < kAccumulators; ++a) words[a] = words[a] ^ Isa::load(bytes + i + a * Isa::kLanes);
  }
#pragma GCC unroll 8
  for (std::size_t a = 1; a < kAccumulators; ++a) words[0] = words[0] ^ words[a];
  alignas(64) std::uint8_t stored[Isa::kLanes];
  Isa::store(stored, words[0]);
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < sizeof(stored); i += sizeof(all)) {
    std::uint64_t word = 0;
    std::memcpy(&word, stored + i, sizeof(word));
    all ^= word;
  }
  return all;
}

template <typename Isa>
WARIFU_TARGET std::uint64_t count_all_bits(const std::uint8_t* bytes, std::size_t count, std::uint32_t query,
                                           std::uint32_t times) {
  typename Isa::Counts counts[kAccumulators];
#pragma GCC unroll 8
  for (auto& part : counts) part = typename Isa::Counts{};
  for (std::uint32_t time = 0; time < times; ++time) {
    const typename Isa::Vector repeated = Isa::broadcast(query + time);
    for (std::size_t i = 0; i < count; i += kAccumulators * Isa::kLanes)
#pragma GCC unroll 8
      for (std::size_t a = 0; a < kAccumulators; ++a)
        counts[a] = Isa::count(counts[a], Isa::load(bytes + i + a * Isa::kLanes), repeated);
  }
  std::uint64_t all = 0;
#pragma GCC unroll 8
  for (const auto& part : counts) all += Isa::total(part);
  return all;
}

template <typename Isa>
constexpr BlockKernels kernels_of(std::string_view name, bool (*runs_here)()) {
  return {name,
          runs_here,
          nearest_in_blocks<Isa>,
          distances_in_blocks<Isa>,
          byte_distances_in_blocks<Isa>,
          Isa::take_where,
          Isa::count_bytes,
          read_all_bytes<Isa>,
          count_all_bits<Isa>};
}

}  // namespace
}  // namespace warifu
