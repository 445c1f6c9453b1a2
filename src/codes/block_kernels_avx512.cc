#if defined(__x86_64__)
#include <immintrin.h>

#include <array>
#include <cstring>
#include <functional>
#include <numeric>

// BITALG counts the bits of 64 bytes in one instruction. What came to processors together with it is used too: VBMI2
// takes bytes out by a mask; GFNI, VBMI and VPOPCNTDQ turn bytes to planes of bits and count in these.
#define WARIFU_TARGET \
  __attribute__((target("avx512f,avx512vl,avx512bw,avx512bitalg,avx512vbmi,avx512vbmi2,avx512vpopcntdq,gfni,popcnt")))
#define WARIFU_AVX512 WARIFU_TARGET __attribute__((always_inline)) static inline

#include "codes/block_loops.h"

namespace warifu {
namespace {

// Bytes at even places of two vectors, one after the other, and those at odd places.
alignas(64) constexpr auto kPlaces = [] {
  std::array<std::array<std::uint8_t, 64>, 2> places{};
  for (std::size_t i = 0; i < 128; ++i) places[i % 2][i / 2] = static_cast<std::uint8_t>(i);
  return places;
}();

alignas(64) constexpr auto kNumbers = [] {
  std::array<std::uint8_t, 64> numbers{};
  std::iota(numbers.begin(), numbers.end(), std::uint8_t{0});
  return numbers;
}();

// Of how many bytes the bits are counted at a time.
constexpr std::size_t kPlaneBytes = 512;

// 512 bytes as planes of their bits: a bit of plane j is bit j of one of the bytes, of the same one in every plane.
struct BitPlanes {
  __m512i plane[8];
};

WARIFU_AVX512 BitPlanes bit_planes(const std::uint8_t* bytes) {
  BitPlanes planes;
  // A product of bit matrices that turns over each 8 bytes: of their bits j it makes byte j.
  for (std::size_t i = 0; i < 8; ++i)
    planes.plane[i] = _mm512_gf2p8affine_epi64_epi8(_mm512_set1_epi64(static_cast<long long>(0x8040201008040201)),
                                                    _mm512_loadu_si512(bytes + 64 * i), 0);
  // Bytes of even planes are parted from those of odd ones; after three times each plane is by itself.
  const __m512i even = _mm512_load_si512(kPlaces[0].data());
  const __m512i odd = _mm512_load_si512(kPlaces[1].data());
#pragma GCC unroll 3
  for (std::size_t step = 0; step < 3; ++step) {
    const BitPlanes mixed = planes;
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
      planes.plane[i] = _mm512_permutex2var_epi8(mixed.plane[2 * i], even, mixed.plane[2 * i + 1]);
      planes.plane[4 + i] = _mm512_permutex2var_epi8(mixed.plane[2 * i], odd, mixed.plane[2 * i + 1]);
    }
  }
  return planes;
}

// Those of `among` whose bit is, or is not, set.
WARIFU_AVX512 __m512i part(__m512i among, __m512i bits, bool set) { return set ? among & bits : among & ~bits; }

WARIFU_AVX512 bool any(__m512i bits) { return _mm512_test_epi64_mask(bits, bits) != 0; }

// Bytes in groups of eight values, by their upper five bits.
struct PlaneCounts {
  std::uint32_t groups = 0;  // bit g: whether values 8 g … 8 g + 7 were met; what was not is not set
  // How often the lower bits in s, and perhaps others, are set in a group.
  __m512i with_bits[32][8];
};

WARIFU_AVX512 void add_group(PlaneCounts& counts, std::size_t group, __m512i here, const __m512i (&lower)[8]) {
  __m512i* const sums = counts.with_bits[group];
  if ((counts.groups >> group & 1) == 0)
    for (std::size_t s = 0; s < 8; ++s) sums[s] = _mm512_setzero_si512();
  counts.groups |= std::uint32_t{1} << group;
#pragma GCC unroll 8
  for (std::size_t s = 0; s < 8; ++s)
    sums[s] = _mm512_add_epi64(sums[s], _mm512_popcnt_epi64(_mm512_and_si512(here, lower[s])));
}

// Distances lie near each other: few groups have any, and the branches are foreseen.
WARIFU_AVX512 void add_planes(PlaneCounts& counts, const BitPlanes& bits) {
  const __m512i* const plane = bits.plane;
  const __m512i all = _mm512_set1_epi8(-1);
  __m512i lower[8];  // where all bits of s are set
  for (std::size_t s = 0; s < 8; ++s) {
    lower[s] = all;
    for (std::size_t bit = 0; bit < 3; ++bit)
      if ((s >> bit & 1) != 0) lower[s] = _mm512_and_si512(lower[s], plane[bit]);
  }
  for (std::size_t high = 0; high < 4; ++high) {
    const __m512i quarter = part(part(all, plane[7], high >= 2), plane[6], high % 2 == 1);
    if (!any(quarter)) continue;
#pragma GCC unroll 8
    for (std::size_t low = 0; low < 8; ++low) {
      const __m512i here =
          part(part(part(quarter, plane[5], low >= 4), plane[4], low % 4 >= 2), plane[3], low % 2 == 1);
      if (any(here)) add_group(counts, 8 * high + low, here, lower);
    }
  }
}

// Adds how often each value was met to values[0 … most].
WARIFU_TARGET void add_counts(const PlaneCounts& counts, std::size_t most, std::uint32_t* values) {
  for (std::size_t group = 0; group < 32; ++group) {
    if ((counts.groups >> group & 1) == 0) continue;
    std::uint32_t of[8];
    for (std::size_t s = 0; s < 8; ++s) {
      alignas(64) std::uint64_t lanes[8];
      _mm512_store_si512(lanes, counts.with_bits[group][s]);
      of[s] = static_cast<std::uint32_t>(std::accumulate(lanes, lanes + 8, std::uint64_t{0}));
    }
    // Without those that have a further bit, bit by bit.
    for (std::size_t bit = 1; bit < 8; bit *= 2)
      for (std::size_t s = 0; s < 8; ++s)
        if ((s & bit) == 0) of[s] -= of[s | bit];
    for (std::size_t s = 0; s < 8 && 8 * group + s <= most; ++s) values[8 * group + s] += of[s];
  }
}

// Processors read ahead by themselves, but not into the next page.
constexpr std::size_t kPageBytes = 4096;

struct Avx512 {
  using Vector = __m512i;
  static constexpr std::size_t kLanes = 64;
  static constexpr std::size_t kBlocksAlone = 4;
  static constexpr bool kSaturates = true;

  WARIFU_AVX512 Vector load(const std::uint8_t* bytes) { return _mm512_loadu_si512(bytes); }
  WARIFU_AVX512 void store(std::uint8_t* bytes, Vector v) { _mm512_storeu_si512(bytes, v); }
  WARIFU_AVX512 Vector broadcast(std::uint32_t bytes) { return _mm512_set1_epi32(static_cast<int>(bytes)); }
  WARIFU_AVX512 Vector differing(Vector a, Vector b) { return _mm512_popcnt_epi8(_mm512_xor_si512(a, b)); }
  WARIFU_AVX512 Vector add(Vector a, Vector b) { return _mm512_adds_epu8(a, b); }
  WARIFU_AVX512 std::uint64_t below(Vector v, Vector limits) { return _mm512_cmplt_epu8_mask(v, limits); }

  // The place behind what was written to `end`.
  WARIFU_AVX512 std::uint8_t* take(Vector values, Vector keep, std::uint8_t* end) {
    const std::uint64_t mask = _mm512_test_epi8_mask(keep, keep);
    store(end, _mm512_maskz_compress_epi8(mask, values));
    return end + __builtin_popcountll(mask);
  }

  WARIFU_TARGET static TakenBytes take_where(const std::uint8_t* values, const std::uint8_t* keep, std::size_t count,
                                             std::uint8_t* kept) {
    std::uint8_t* end = kept;
    Vector seen = _mm512_setzero_si512();
    std::size_t i = 0;
    // Loads without a mask: what comes from memory with one takes twice as long.
    for (; i + kLanes <= count; i += kLanes) {
      _mm_prefetch(reinterpret_cast<const char*>(keep + i) + kPageBytes, _MM_HINT_T0);
      const Vector marks = load(keep + i);
      seen = _mm512_or_si512(seen, marks);
      end = take(load(values + i), marks, end);
    }
    if (i < count) {
      const std::uint64_t there = (std::uint64_t{1} << (count - i)) - 1;
      const Vector marks = _mm512_maskz_loadu_epi8(there, keep + i);
      seen = _mm512_or_si512(seen, marks);
      end = take(_mm512_maskz_loadu_epi8(there, values + i), marks, end);
    }
    alignas(64) std::uint8_t bytes[kLanes];
    store(bytes, seen);
    return {static_cast<std::size_t>(end - kept),
            std::accumulate(bytes, bytes + kLanes, std::uint8_t{0}, std::bit_or<>())};
  }

  // Without a branch for each lane: few of many blocks hold more than one, and that would seldom be foreseen.
  WARIFU_AVX512 void write_lanes(std::uint64_t lanes, const std::uint8_t* values, std::uint32_t first,
                                 std::uint32_t* places, std::uint16_t* taken) {
    if (__builtin_popcountll(lanes) > 16) return OneByOne::write_lanes(lanes, values, first, places, taken);
    const __m512i numbers = _mm512_maskz_compress_epi8(lanes, _mm512_load_si512(kNumbers.data()));
    const __m512i kept = _mm512_maskz_compress_epi8(lanes, load(values));
    // With masks of ones: GCC 12 warns of the others, which leave to chance what no lane is taken from.
    const __m512i wide = _mm512_maskz_cvtepu8_epi32(0xFFFF, _mm512_maskz_extracti32x4_epi32(0xF, numbers, 0));
    _mm512_storeu_si512(places, _mm512_add_epi32(wide, _mm512_set1_epi32(static_cast<int>(first))));
    const __m256i words = _mm256_cvtepu8_epi16(_mm512_maskz_extracti32x4_epi32(0xF, kept, 0));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(taken), words);
  }

  // Twice as fast as by pairs where distances are counted.
  WARIFU_TARGET static void count_bytes(const std::uint8_t* values, std::size_t count, std::uint8_t most,
                                        std::uint32_t* counts, std::uint16_t* /*pairs*/) {
    if (count < kPlaneBytes / 2) return count_one_by_one(values, count, counts);
    PlaneCounts planes;
    std::size_t i = 0;
    for (; i + kPlaneBytes <= count; i += kPlaneBytes) add_planes(planes, bit_planes(values + i));
    if (i < count) {
      alignas(64) std::uint8_t rest[kPlaneBytes] = {};
      std::memcpy(rest, values + i, count - i);
      add_planes(planes, bit_planes(rest));
      counts[0] -= static_cast<std::uint32_t>(kPlaneBytes - (count - i));  // zeros that are no values
    }
    add_counts(planes, most, counts);
  }

  using Counts = __m512i;
  WARIFU_AVX512 Counts count(Counts counts, Vector a, Vector b) {
    return _mm512_add_epi64(counts, _mm512_popcnt_epi64(_mm512_xor_si512(a, b)));
  }
  WARIFU_AVX512 std::uint64_t total(Counts counts) {
    alignas(64) std::uint64_t words[8];
    _mm512_store_si512(words, counts);
    std::uint64_t sum = 0;
    for (const std::uint64_t word : words) sum += word;
    return sum;
  }
};

bool has_bitalg() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512bitalg") != 0 &&
         __builtin_cpu_supports("avx512vbmi") != 0 && __builtin_cpu_supports("avx512vbmi2") != 0 &&
         __builtin_cpu_supports("avx512vpopcntdq") != 0 && __builtin_cpu_supports("gfni") != 0 &&
         __builtin_cpu_supports("popcnt") != 0;
}

}  // namespace

constinit const BlockKernels kAvx512BlockKernels = kernels_of<Avx512>("avx512-bitalg", has_bitalg);

}  // namespace warifu
#endif
