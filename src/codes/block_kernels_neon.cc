#if defined(__ARM_NEON)
#include <arm_neon.h>

#define WARIFU_TARGET

#include "codes/block_loops.h"

namespace warifu {
namespace {

struct Neon : OneByOne {
  using Vector = uint8x16_t;
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kBlocksAlone = 1;
  static constexpr bool kSaturates = true;

  static Vector load(const std::uint8_t* bytes) { return vld1q_u8(bytes); }
  static void store(std::uint8_t* bytes, Vector v) { vst1q_u8(bytes, v); }
  static Vector broadcast(std::uint32_t bytes) { return vreinterpretq_u8_u32(vdupq_n_u32(bytes)); }
  static Vector differing(Vector a, Vector b) { return vcntq_u8(veorq_u8(a, b)); }
  static Vector add(Vector a, Vector b) { return vqaddq_u8(a, b); }
  static std::uint64_t below(Vector v, Vector limits) {
    // Of each byte of the comparison the bit of its place in its half, then the sum of each half.
    static constexpr std::uint8_t kPlaces[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t marks = vandq_u8(vcltq_u8(v, limits), vld1q_u8(kPlaces));
    marks = vreinterpretq_u8_u64(vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(marks))));
    return std::uint64_t{vgetq_lane_u8(marks, 0)} | std::uint64_t{vgetq_lane_u8(marks, 8)} << 8;
  }

  using Counts = uint16x8_t;
  static Counts count(Counts counts, Vector a, Vector b) { return vpadalq_u8(counts, differing(a, b)); }
  static std::uint64_t total(Counts counts) {
    const uint64x2_t sums = vpaddlq_u32(vpaddlq_u16(counts));
    return vgetq_lane_u64(sums, 0) + vgetq_lane_u64(sums, 1);
  }
};

}  // namespace

constinit const BlockKernels kNeonBlockKernels = kernels_of<Neon>("neon", [] { return true; });

}  // namespace warifu
#endif
