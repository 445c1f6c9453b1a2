#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// Inside index/: choosing the k nearest codes by counting, since distances are small whole numbers.
namespace warifu {

struct Candidate {
  std::uint32_t distance = 0;
  std::size_t position = 0;  // of the code in its segment
};

// Keeps what may be among the k nearest of codes that are offered in ascending position. Because
// of that order, once k codes at distance <= d are kept, only nearer ones than d can still matter:
// the limit falls, and most codes are never touched.
class NearestCollector {
 public:
  NearestCollector(std::size_t k, std::uint32_t max_distance);

  // Codes at this distance or farther cannot be among the k nearest any more.
  std::uint32_t limit() const { return limit_; }

  // `distance` is below limit().
  void keep(std::uint32_t distance, std::size_t position);

  std::span<const Candidate> kept() const { return kept_; }  // ascending position

 private:
  std::size_t k_;
  std::uint32_t limit_;
  std::size_t nearer_ = 0;           // kept codes below the limit
  std::vector<std::size_t> counts_;  // of kept codes by distance
  std::vector<Candidate> kept_;
};

// The k nearest in ascending (distance, position), in time linear in `candidates`, which are in
// ascending position.
std::vector<Candidate> select_nearest(std::span<const Candidate> candidates, std::size_t k, std::uint32_t max_distance);

}  // namespace warifu
