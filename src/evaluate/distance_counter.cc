#include "evaluate/distance_counter.h"

#include <algorithm>
#include <array>
#include <bit>

#include "evaluate/query_metrics.h"

namespace warifu {
namespace {

// Distances that fit in a byte, where byte_distances() is exact.
constexpr std::uint32_t kByteBits = 255;

// A part of the database has about so many bytes: half of a second-level cache of 1 MiB.
constexpr std::size_t kPartBytes = std::size_t{1} << 19;
// Its distances stay in the first-level cache, with the gains that are read beside them.
constexpr std::size_t kMaxPart = 32768;
// Where fewer are counted at a time, adding up their histograms shows.
constexpr std::size_t kMinPart = 8192;

std::size_t codes_of_part(const BlockView& database) {
  const std::size_t bytes = std::max<std::size_t>(database.bytes_per_code(), 1);
  return std::clamp(std::bit_floor(kPartBytes / bytes), kMinPart, kMaxPart);
}

// Items, relevant items and gain of one item in one number, so that a histogram costs one addition
// an item: items in bits 0 … 15, relevant in 16 … 31, gain from bit 32.
constexpr std::array<std::uint64_t, 256> kPacked = [] {
  std::array<std::uint64_t, 256> packed{};
  for (std::uint64_t gain = 0; gain < packed.size(); ++gain)
    packed[gain] = 1 | std::uint64_t{gain > 0} << 16 | gain << 32;
  return packed;
}();
static_assert(kMaxPart < (1U << 16), "a packed number must not run over into the next");

}  // namespace

DistanceCounter::DistanceCounter(const BlockView& database, const BlockKernels& kernels)
    : database_(database),
      kernels_(kernels),
      // Whole bytes: even a code with forbidden bits set cannot reach outside.
      distances_(8 * database.bytes_per_code() + 1),
      part_blocks_(codes_of_part(database) / kBlockCodes) {
  const std::size_t part = std::min(part_blocks_, database.blocks()) * kBlockCodes;
  bytes_.resize(part);
  relevant_bytes_.resize(part + kBlockCodes);
  pairs_.resize(kBytePairs);
}

std::span<const DistanceCounts> DistanceCounter::count(const CodeMatrix& queries, const RelevanceMatrix& relevance,
                                                       std::size_t begin, std::size_t end) {
  counts_.resize(std::max(counts_.size(), end - begin));
  std::vector<Planes> planes;
  for (std::size_t q = begin; q < end; ++q) {
    counts_[q - begin].groups.assign(distances_, {});
    counts_[q - begin].gains.fill(0);
    planes.push_back(query_planes(queries.row(q), database_.bits));
  }
  for (std::size_t first = 0; first < database_.blocks(); first += part_blocks_) {
    const BlockRange part{database_, first, std::min(first + part_blocks_, database_.blocks()), nullptr};
    const std::size_t first_code = first * kBlockCodes;
    const std::size_t codes = std::min(part.last * kBlockCodes, database_.count) - first_code;
    for (std::size_t q = begin; q < end; ++q) {
      const auto gains = relevance.row(q).subspan(first_code, codes);
      near_ = near_ && add_bytes(part, planes[q - begin], gains, counts_[q - begin]);
      if (!near_) add_words(part, planes[q - begin], gains, counts_[q - begin]);
    }
  }
  return std::span(counts_).first(end - begin);
}

bool DistanceCounter::add_bytes(const BlockRange& part, const Planes& query, std::span<const std::uint8_t> gains,
                                DistanceCounts& counts) {
  const auto most = static_cast<std::uint8_t>(std::min<std::size_t>(distances_ - 1, 255));
  std::array<std::uint32_t, 256> items{};
  std::array<std::uint32_t, 256> relevant{};
  kernels_.byte_distances(part, query.data(), bytes_.data());
  kernels_.count_bytes(bytes_.data(), gains.size(), most, items.data(), pairs_.data());
  if (database_.bits > kByteBits && items[255] > 0) return false;
  const TakenBytes found = kernels_.take_where(bytes_.data(), gains.data(), gains.size(), relevant_bytes_.data());
  kernels_.count_bytes(relevant_bytes_.data(), found.count, most, relevant.data(), pairs_.data());
  for (std::size_t distance = 0; distance <= most; ++distance) {
    counts.groups[distance].items += items[distance];
    counts.groups[distance].relevant += relevant[distance];
  }
  if (found.marks > 1) {
    add_graded(found.count, gains, counts);
    return true;
  }
  for (std::size_t distance = 0; distance <= most; ++distance) counts.groups[distance].gain += relevant[distance];
  counts.gains[1] += found.count;
  return true;
}

// Where some gain is not 1: the gains beside the distances of the same relevant items.
void DistanceCounter::add_graded(std::size_t relevant, std::span<const std::uint8_t> gains, DistanceCounts& counts) {
  relevant_gains_.resize(relevant_bytes_.size());
  kernels_.take_where(gains.data(), gains.data(), gains.size(), relevant_gains_.data());
  for (std::size_t i = 0; i < relevant; ++i) {
    counts.groups[relevant_bytes_[i]].gain += relevant_gains_[i];
    ++counts.gains[relevant_gains_[i]];
  }
}

void DistanceCounter::add_words(const BlockRange& part, const Planes& query, std::span<const std::uint8_t> gains,
                                DistanceCounts& counts) {
  words_.resize(bytes_.size());
  packed_.resize(distances_);
  kernels_.distances(part, query.data(), words_.data());
  std::ranges::fill(packed_, 0);
  for (std::size_t i = 0; i < gains.size(); ++i) packed_[words_[i]] += kPacked[gains[i]];
  std::uint64_t relevant = 0;
  std::uint64_t gain = 0;
  for (std::size_t distance = 0; distance < distances_; ++distance) {
    const DistanceGroup group{packed_[distance] & 0xFFFF, packed_[distance] >> 16 & 0xFFFF, packed_[distance] >> 32};
    counts.groups[distance].items += group.items;
    counts.groups[distance].relevant += group.relevant;
    counts.groups[distance].gain += group.gain;
    relevant += group.relevant;
    gain += group.gain;
  }
  const GainCounts of_part = count_gains(gains, relevant, gain);
  for (std::size_t g = 1; g < of_part.size(); ++g) counts.gains[g] += of_part[g];
}

}  // namespace warifu
