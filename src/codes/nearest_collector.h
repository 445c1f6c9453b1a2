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
    near = allowed(first_position, near);
    const Room room = this->room();
    std::size_t end = 0;
    for (; near != 0; near &= near - 1) {
      const auto lane = static_cast<std::uint32_t>(std::countr_zero(near));
      room.positions[end] = first_position + lane;
      room.distances[end] = static_cast<std::uint16_t>(distances[lane]);
      ++end;
    }
    added(end);
    lower_limit();
  }

  // The same in steps, for who writes several codes at once: room for them, behind what is kept, which may lower the
  // limit and so comes before it is looked at; the lanes below it that are wanted; how many were written; and, when
  // it suits, but before the last step of a search, the limit.
  std::uint64_t allowed(std::uint32_t first_position, std::uint64_t near) const {
    return check_ == nullptr ? near : check_(context_, first_position, near);
  }
  struct Room {
    std::uint32_t* positions = nullptr;  // 64 of them, and as many distances
    std::uint16_t* distances = nullptr;
  };
  Room room() {
    if (kept_ + 64 > distances_.size()) make_room();
    return {positions_.data() + kept_, distances_.data() + kept_};
  }
  void added(std::size_t count) { kept_ += count; }
  void lower_limit() {
    // Only k codes below it lower the limit: none are counted before.
    if (nearer_ + (kept_ - counted_) < k_) return;
    count();
    if (ties_ == Ties::kFirst) {
      while (nearer_ >= k_) nearer_ -= counts_[--limit_];
    } else {
      while (limit_ > 0 && nearer_ - counts_[limit_ - 1] >= k_) nearer_ -= counts_[--limit_];
    }
  }

  std::size_t kept() const { return kept_; }
  // The k nearest of what was offered (or all, for kAll) in ascending (distance, position); with Ties::kAll also all
  // others as near as the k-th.
  std::vector<Candidate> nearest();

 private:
  void make_room();
  void count() {
    nearer_ += kept_ - counted_;
    for (; counted_ < kept_; ++counted_) ++counts_[distances_[counted_]];
  }

  std::size_t k_ = 1;
  Ties ties_ = Ties::kFirst;
  LaneCheck check_ = nullptr;
  const void* context_ = nullptr;
  std::uint32_t limit_ = 0;
  std::size_t nearer_ = 0;  // of the counted codes, those below the limit
  std::size_t kept_ = 0;
  std::size_t counted_ = 0;            // so many of them, the first ones; all others are below the limit
  std::vector<std::uint32_t> counts_;  // of kept codes by distance
  std::vector<std::uint32_t> positions_;
  std::vector<std::uint16_t> distances_;
};

// The k nearest of `candidates` in ascending (distance, position), which they need not be in; k may exceed them.
std::vector<Candidate> select_nearest(std::vector<Candidate> candidates, std::size_t k);

}  // namespace warifu
