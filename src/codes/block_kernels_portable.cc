#include <bit>
#include <cstring>

#define WARIFU_TARGET

#include "codes/block_loops.h"

namespace warifu {
namespace {

static_assert(std::endian::native == std::endian::little, "lane 0 is the lowest byte of a word");

// Eight bytes in a word.
struct Portable : OneByOne {
  using Vector = std::uint64_t;
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kBlocksAlone = 1;
  static constexpr bool kSaturates = false;

  static Vector load(const std::uint8_t* bytes) {
    Vector v = 0;
    std::memcpy(&v, bytes, sizeof(v));
    return v;
  }
  static void store(std::uint8_t* bytes, Vector v) { std::memcpy(bytes, &v, sizeof(v)); }
  static Vector broadcast(std::uint32_t bytes) { return std::uint64_t{bytes} << 32 | bytes; }
  static Vector differing(Vector a, Vector b) {
    Vector bits = a ^ b;
    bits -= bits >> 1 & 0x5555555555555555;
    bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
    return (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0F;
  }
  static Vector add(Vector a, Vector b) { return a + b; }
  static std::uint64_t below(Vector v, Vector limits) {
    // The carry out of v - limit, byte by byte: bit 7 of each byte is set where v < limit.
    constexpr Vector kHigh = 0x8080808080808080;
    const Vector difference = ((v | kHigh) - (limits & ~kHigh)) ^ ((v ^ ~limits) & kHigh);
    const Vector borrowed = ((~v & limits) | (~(v ^ limits) & difference)) & kHigh;
    // The eight marks to the eight lowest bits: all of them meet in the top byte of the product.
    return (borrowed >> 7) * 0x0102040810204080 >> 56;
  }

  using Counts = std::uint64_t;
  static Counts count(Counts counts, Vector a, Vector b) {
    return counts + (differing(a, b) * 0x0101010101010101 >> 56);
  }
  static std::uint64_t total(Counts counts) { return counts; }
};

}  // namespace

constinit const BlockKernels kPortableBlockKernels = kernels_of<Portable>("portable", [] { return true; });

}  // namespace warifu
