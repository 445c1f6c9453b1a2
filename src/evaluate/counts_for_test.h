#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/rng.h"
#include "codes/hamming.h"
#include "evaluate/distance_counter.h"

namespace warifu {

// The definition: one pair after the other.
inline DistanceCounts counted_one_by_one(std::span<const std::uint64_t> query, const CodeMatrix& database,
                                         std::span<const std::uint8_t> gains) {
  DistanceCounts counts;
  counts.groups.resize(8 * ((database.bits() + 7) / 8) + 1);
  for (std::size_t i = 0; i < database.count(); ++i) {
    DistanceGroup& group = counts.groups[hamming_distance(query, database.row(i))];
    ++group.items;
    group.relevant += gains[i] > 0 ? 1 : 0;
    group.gain += gains[i];
    if (gains[i] > 0) ++counts.gains[gains[i]];
  }
  return counts;
}

// One row in four without a relevant item, one with gains of 1, one of anything up to 255, one of 1 but for its end.
inline RelevanceMatrix drawn_gains(std::size_t queries, std::size_t database, Rng& rng) {
  RelevanceMatrix gains(queries, database);
  for (std::size_t q = 0; q < queries; ++q)
    for (std::size_t i = 0; i < database; ++i) {
      if (q % 4 == 3 || rng.below(8) != 0) continue;
      const bool graded = q % 4 == 1 || (q % 4 == 2 && i + 5 > database);
      gains.row(q)[i] = static_cast<std::uint8_t>(graded ? 1 + rng.below(255) : 1);
    }
  return gains;
}

}  // namespace warifu
