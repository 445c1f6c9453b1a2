#include "codes/nearest_collector.h"

#include <algorithm>
#include <cassert>

namespace warifu {
namespace {

constexpr std::size_t kFirstRoom = 1024;

}  // namespace

void NearestCollector::start(std::size_t k, std::uint32_t limit, Ties ties) {
  assert(k > 0 && "nothing is nearest of none");
  k_ = k;
  ties_ = ties;
  check_ = nullptr;
  limit_ = limit;
  nearer_ = 0;
  kept_ = 0;
  counted_ = 0;
  counts_.assign(std::size_t{limit} + 1, 0);
}

void NearestCollector::make_room() {
  lower_limit();
  count();
  // What lies at the limit still counts where fewer than k are nearer: the first ones, as positions ascend.
  std::size_t at_limit = k_ == kAll || ties_ == Ties::kAll ? 0 : k_ - nearer_;
  std::size_t end = 0;
  for (std::size_t i = 0; i < kept_; ++i) {
    const std::uint16_t distance = distances_[i];
    if (distance > limit_ || (distance == limit_ && at_limit == 0)) continue;
    if (distance == limit_) --at_limit;
    positions_[end] = positions_[i];
    distances_[end] = distance;
    ++end;
  }
  kept_ = end;
  counted_ = end;
  if (2 * kept_ + 64 <= distances_.size()) return;
  const std::size_t room = std::max(kFirstRoom, 2 * distances_.size());
  positions_.resize(room);
  distances_.resize(room);
}

std::vector<Candidate> NearestCollector::nearest() {
  lower_limit();
  count();
  // place[d]: where the next code at distance d goes. Below the limit everything was kept and counted. Codes at the
  // limit were kept before it fell there, and fill up what is missing; what is farther goes behind the end.
  std::vector<std::size_t> place(std::size_t{limit_} + 2);
  for (std::size_t d = 0; d < limit_; ++d) place[d + 1] = place[d] + counts_[d];
  const std::size_t nearer = place[limit_];
  std::size_t size = nearer;
  if (ties_ == Ties::kFirst && limit_ < counts_.size()) size = std::min(k_, nearer + counts_[limit_]);
  place[limit_ + std::size_t{1}] = size;
  // Without branches, and so with one more place that is thrown away: they would be mispredicted half of the time.
  std::vector<Candidate> nearest(size + 1);
  for (std::size_t i = 0; i < kept_; ++i) {
    const std::size_t rank = place[std::min<std::size_t>(distances_[i], limit_ + std::size_t{1})]++;
    nearest[std::min(rank, size)] = {distances_[i], positions_[i]};
  }
  nearest.pop_back();
  return nearest;
}

std::vector<Candidate> select_nearest(std::vector<Candidate> candidates, std::size_t k) {
  if (candidates.size() > k) {
    std::ranges::nth_element(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(k));
    candidates.resize(k);
  }
  std::ranges::sort(candidates);
  return candidates;
}

}  // namespace warifu
