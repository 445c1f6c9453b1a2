#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace warifu {

struct Candidate {
  std::uint32_t distance = 0;
  std::uint32_t position = 0;  // of the code in its view
  auto operator<=>(const Candidate&) const = default;
};

// Which of the codes at the k-th distance are kept: the first ones, where positions are in the order that ties are
// broken by; or all, where somebody else has to choose.
enum class Ties { kFirst, kAll };

// Keeps what may be among the k nearest of codes that are offered in ascending position. Because of that order,
// once k codes at distance <= d are kept only nearer ones than d can still matter: the limit falls, and most codes
// are never touched. Distances are small whole numbers, so everything is done by counting.
//
// Memory: about 12 bytes for each of 2 k codes (with Ties::kAll also for all that tie with the k-th), and 4 for each
// possible distance. Thread safety: one thread at a time.
class NearestCollector {
 public:
  static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

  // k >= 1, or kAll: then everything below the limit is kept. Codes at `limit` or farther are never kept.
  NearestCollector(std::size_t k, std::uint32_t limit, Ties ties = Ties::kFirst) { start(k, limit, ties); }
  NearestCollector() = default;
  // The same for another query, with the memory of this one.
  void start(std::size_t k, std::uint32_t limit, Ties ties = Ties::kFirst);

  // Of the lanes first_position + i that are near, those that may be found: for conditions that are looked up only
  // where it matters. Forgotten by start().
  using LaneCheck = std::uint64_t (*)(const void* context, std::uint32_t first_position, std::uint64_t near);
  void check_lanes(LaneCheck check, const void* context) {
    check_ = check;
    context_ = context;
  }

  // Codes at this distance or farther cannot be among the k nearest any more.
  std::uint32_t limit() const { return limit_; }

  // Keeps the codes first_position + i for the set bits i of `near`, whose distances[i] are below limit().
  template <typename Distance>
  [[gnu::always_inline]] void keep(std::uint32_t first_position, std::uint64_t near, const Distance* distances) {
    if (check_ != nullptr) near = check_(context_, first_position, near);
    if (kept_ + 64 > distances_.size()) make_room();
    std::size_t end = kept_;
    nearer_ += static_cast<std::size_t>(std::popcount(near));
    for (; near != 0; near &= near - 1) {
      const auto lane = static_cast<std::uint32_t>(std::countr_zero(near));
      const auto distance = static_cast<std::uint16_t>(distances[lane]);
      positions_[end] = first_position + lane;
      distances_[end] = distance;
      ++end;
      ++counts_[distance];
    }
    kept_ = end;
    if (ties_ == Ties::kFirst) {
      while (nearer_ >= k_) nearer_ -= counts_[--limit_];
    } else {
      while (limit_ > 0 && nearer_ - counts_[limit_ - 1] >= k_) nearer_ -= counts_[--limit_];
    }
  }

  std::size_t kept() const { return kept_; }
  // The k nearest of what was offered (or all, for kAll) in ascending (distance, position); with Ties::kAll also all
  // others as near as the k-th.
  std::vector<Candidate> nearest() const;

 private:
  void make_room();

  std::size_t k_ = 1;
  Ties ties_ = Ties::kFirst;
  LaneCheck check_ = nullptr;
  const void* context_ = nullptr;
  std::uint32_t limit_ = 0;
  std::size_t nearer_ = 0;  // kept codes below the limit
  std::size_t kept_ = 0;
  std::vector<std::uint32_t> counts_;  // of kept codes by distance
  std::vector<std::uint32_t> positions_;
  std::vector<std::uint16_t> distances_;
};

// The k nearest of `candidates` in ascending (distance, position), which they need not be in; k may exceed them.
std::vector<Candidate> select_nearest(std::vector<Candidate> candidates, std::size_t k);

}  // namespace warifu
