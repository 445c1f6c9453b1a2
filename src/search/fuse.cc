#include "search/fuse.h"

#include <algorithm>
#include <unordered_map>

namespace warifu {

std::vector<FusedHit> fuse_reciprocal_ranks(std::span<const RankedChannel> channels) {
  std::unordered_map<std::int64_t, FusedHit> found;
  double highest = 0;
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const RankedChannel& channel = channels[c];
    if (channel.weight <= 0) continue;
    highest += channel.weight / (kReciprocalRankConstant + 1);
    const std::size_t count = channel.rows.size();
    for (std::size_t begin = 0; begin < count;) {
      std::size_t end = begin + 1;
      if (!channel.ties.empty())
        while (end < count && channel.ties[end] == channel.ties[begin]) ++end;
      const auto rank = static_cast<double>(begin + 1);
      for (; begin < end; ++begin) {
        FusedHit& hit = found[channel.rows[begin]];
        hit.row = channel.rows[begin];
        hit.score += channel.weight / (kReciprocalRankConstant + rank);
        hit.channels |= std::uint64_t{1} << c;
      }
    }
  }
  std::vector<FusedHit> fused;
  fused.reserve(found.size());
  for (auto& [row, hit] : found) {
    hit.score /= highest;
    fused.push_back(hit);
  }
  std::ranges::sort(fused, [](const FusedHit& a, const FusedHit& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  });
  return fused;
}

}  // namespace warifu
