#include "index/k_majority.h"

#include <algorithm>
#include <numeric>

#include "base/rng.h"
#include "index/block_scan.h"

namespace warifu {
namespace {

constexpr std::size_t kSampleOfACluster = 64;

CodeMatrix drawn_sample(const BlockView& codes, std::size_t count, Rng& rng) {
  CodeMatrix sample(count, codes.bits);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t drawn = count == codes.count ? i : rng.below(codes.count);
    std::ranges::copy(unblock(codes, drawn, drawn + 1).row(0), sample.row(i).begin());
  }
  return sample;
}

// Rows of `codes` without repeats, in an order drawn by `rng`, at most `count`.
CodeMatrix drawn_distinct(const CodeMatrix& codes, std::size_t count, Rng& rng) {
  std::vector<std::size_t> order(codes.count());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return std::ranges::lexicographical_compare(codes.row(a), codes.row(b));
  });
  const auto repeats = std::ranges::unique(
      order, [&](std::size_t a, std::size_t b) { return std::ranges::equal(codes.row(a), codes.row(b)); });
  order.erase(repeats.begin(), repeats.end());
  shuffle(std::span(order), rng);
  order.resize(std::min(count, order.size()));
  CodeMatrix distinct(order.size(), codes.bits());
  for (std::size_t i = 0; i < order.size(); ++i) std::ranges::copy(codes.row(order[i]), distinct.row(i).begin());
  return distinct;
}

// Moves each centre to the majority of its members; one without members to a member drawn from all.
void move_centres(const CodeMatrix& sample, const std::vector<NearestCentre>& nearest, CodeMatrix& centres, Rng& rng) {
  const std::size_t bits = centres.bits();
  std::vector<std::uint32_t> members(centres.count());
  std::vector<std::uint32_t> ones(centres.count() * bits);
  for (std::size_t i = 0; i < sample.count(); ++i) {
    const std::size_t centre = nearest[i].centre;
    ++members[centre];
    for (std::size_t k = 0; k < bits; ++k) ones[centre * bits + k] += sample.bit(i, k) ? 1 : 0;
  }
  for (std::size_t centre = 0; centre < centres.count(); ++centre) {
    const auto code = centres.row(centre);
    if (members[centre] == 0) {
      std::ranges::copy(sample.row(rng.below(sample.count())), code.begin());
      continue;
    }
    std::ranges::fill(code, 0);
    for (std::size_t k = 0; k < bits; ++k)
      if (2 * ones[centre * bits + k] > members[centre]) code[k / 64] |= std::uint64_t{1} << (k % 64);
  }
}

}  // namespace

CodeMatrix k_majority(const BlockView& codes, std::size_t clusters, std::size_t rounds, std::uint64_t seed) {
  Rng rng(seed);
  const CodeMatrix sample = drawn_sample(codes, std::min(codes.count, clusters * kSampleOfACluster), rng);
  CodeMatrix centres = drawn_distinct(sample, clusters, rng);
  const CodeBlocks blocks(sample);
  for (std::size_t round = 0; round < rounds; ++round)
    move_centres(sample, nearest_centres(blocks.view(), centres), centres, rng);
  return centres;
}

std::vector<NearestCentre> nearest_centres(const BlockView& codes, const CodeMatrix& centres) {
  constexpr std::size_t kChunk = std::size_t{1} << 16;
  const CodeBlocks blocks(centres);
  BlockScan scan;
  scan.segment = {blocks.view(), RowsView::contiguous(0, centres.count()), nullptr, centres.count()};
  scan.k = 1;
  std::vector<NearestCentre> nearest;
  nearest.reserve(codes.count);
  for (std::size_t begin = 0; begin < codes.count; begin += kChunk) {
    const PreparedQueries queries(unblock(codes, begin, std::min(begin + kChunk, codes.count)));
    const std::vector<std::uint32_t> limits(queries.count(), codes.bits + 1);
    for (const auto& found : scan_segment(scan, queries, limits))
      nearest.push_back({found.front().position, found.front().distance});
  }
  return nearest;
}

}  // namespace warifu
