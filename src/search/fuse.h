#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace warifu {

// A ranking of one channel and what it counts.
struct RankedChannel {
  std::vector<std::int64_t> rows;  // best first, each once
  // Rows of one tie: rows [i] and [i + 1] share a rank where ties[i + 1] == ties[i]; empty: no ties.
  std::vector<std::uint32_t> ties = {};
  double weight = 1;
};

struct FusedHit {
  std::int64_t row = 0;
  double score = 0;            // the sum below over its highest possible value: in (0, 1]
  std::uint64_t channels = 0;  // bit i: channel i ranked it; at most 64 channels
};

inline constexpr double kReciprocalRankConstant = 60;

// Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009, equation 1, with weights): the score of a row is
// the sum over the channels of weight / (60 + rank), rank from 1; rows that a channel cannot tell apart share the best
// of their ranks, so that the order among equal distances decides nothing, and of many that have all the words the
// other channel decides. Best first, equal scores by row. Channels of weight 0 take no part.
std::vector<FusedHit> fuse_reciprocal_ranks(std::span<const RankedChannel> channels);

}  // namespace warifu
