#include "index/nearest.h"

#include <algorithm>
#include <cassert>

namespace warifu {

NearestCollector::NearestCollector(std::size_t k, std::uint32_t max_distance)
    : k_(k), limit_(max_distance + 1), counts_(max_distance + 1) {
  assert(k > 0 && "nothing is nearest of none");
}

void NearestCollector::keep(std::uint32_t distance, std::size_t position) {
  assert(distance < limit_ && "the scan skips what cannot matter");
  kept_.push_back({distance, position});
  ++counts_[distance];
  ++nearer_;
  // k codes nearer than the limit: ties at the farthest of these distances came too late.
  while (nearer_ >= k_ && limit_ > 0) {
    --limit_;
    nearer_ -= counts_[limit_];
  }
}

std::vector<Candidate> select_nearest(std::span<const Candidate> candidates, std::size_t k,
                                      std::uint32_t max_distance) {
  // place[d]: where the next candidate at distance d goes.
  std::vector<std::size_t> place(std::size_t{max_distance} + 2);
  for (const Candidate& candidate : candidates) ++place[candidate.distance + 1];
  for (std::size_t d = 1; d < place.size(); ++d) place[d] += place[d - 1];
  std::vector<Candidate> nearest(std::min(k, candidates.size()));
  for (const Candidate& candidate : candidates) {
    const std::size_t rank = place[candidate.distance]++;
    if (rank < nearest.size()) nearest[rank] = candidate;
  }
  return nearest;
}

}  // namespace warifu
