#include <algorithm>
#include <array>
#include <cassert>
#include <optional>

#include "base/parallel.h"
#include "codes/hamming.h"
#include "evaluate/evaluate.h"
#include "evaluate/query_metrics.h"
#include "evaluate/tie_metrics.h"

namespace warifu {
namespace {

// Items, relevant items and gain of one item in one number, so that a histogram costs one addition
// an item: items in bits 0 … 15, relevant in 16 … 31, gain from bit 32.
constexpr std::array<std::uint64_t, 256> kPacked = [] {
  std::array<std::uint64_t, 256> packed{};
  for (std::uint64_t gain = 0; gain < packed.size(); ++gain)
    packed[gain] = 1 | std::uint64_t{gain > 0} << 16 | gain << 32;
  return packed;
}();
// So many items at most, lest a packed number runs over into the next; and their distances stay in
// the first-level cache.
constexpr std::size_t kBlock = 8192;
static_assert(kBlock < (1U << 16));

// What lies at each distance from one query after another.
class DistanceHistogram {
 public:
  explicit DistanceHistogram(const CodeMatrix& database)
      // Whole words: even a code with forbidden bits set cannot reach outside.
      : database_(database), groups_(64 * database.words_per_code() + 1), packed_(kLanes * groups_.size()) {}

  std::span<const DistanceGroup> count(std::span<const std::uint64_t> query, std::span<const std::uint8_t> gains) {
    std::ranges::fill(groups_, DistanceGroup{});
    for (std::size_t begin = 0; begin < gains.size(); begin += kBlock) {
      const std::size_t end = std::min(begin + kBlock, gains.size());
      const auto distances = std::span(distances_).first(end - begin);
      hamming_distances(query, database_.rows(begin, end), distances);
      add_block(distances, gains.subspan(begin, end - begin));
    }
    return groups_;
  }

 private:
  // Neighbouring items often lie at the same distance; in one table each addition would wait for
  // the one before it.
  static constexpr std::size_t kLanes = 4;

  void add_block(std::span<const std::uint16_t> distances, std::span<const std::uint8_t> gains) {
    std::ranges::fill(packed_, 0);
    std::array<std::uint64_t*, kLanes> lanes{};
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = packed_.data() + lane * groups_.size();
    std::size_t i = 0;
    for (; i + kLanes <= distances.size(); i += kLanes)
      for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane][distances[i + lane]] += kPacked[gains[i + lane]];
    for (; i < distances.size(); ++i) lanes[0][distances[i]] += kPacked[gains[i]];
    for (std::size_t distance = 0; distance < groups_.size(); ++distance) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::uint64_t packed = lanes[lane][distance];
        groups_[distance].items += packed & 0xFFFF;
        groups_[distance].relevant += packed >> 16 & 0xFFFF;
        groups_[distance].gain += packed >> 32;
      }
    }
  }

  const CodeMatrix& database_;
  std::vector<DistanceGroup> groups_;
  std::vector<std::uint64_t> packed_;  // [kLanes, groups]
  std::array<std::uint16_t, kBlock> distances_{};
};

GainCounts gains_of(std::span<const std::uint8_t> row, std::span<const DistanceGroup> groups) {
  std::uint64_t relevant = 0;
  std::uint64_t gain = 0;
  for (const DistanceGroup& group : groups) {
    relevant += group.relevant;
    gain += group.gain;
  }
  return count_gains(row, relevant, gain);
}

}  // namespace

Metrics evaluate_codes(const CodeMatrix& queries, const CodeMatrix& database, const RelevanceMatrix& relevance,
                       const MetricOptions& options) {
  assert(relevance.queries() == queries.count() && relevance.database() == database.count() &&
         "relevance is between these queries and this database");
  assert((queries.bits() == database.bits() || queries.count() == 0 || database.count() == 0) &&
         "codes of different lengths are never compared");
  const RankDiscounts discounts = discounts_for(options.cutoffs, database.count());
  std::vector<std::optional<QueryMetrics>> measured(queries.count());
  parallel_for(queries.count(), 8, [&](std::size_t begin, std::size_t end) {
    DistanceHistogram histogram(database);
    for (std::size_t query = begin; query < end; ++query) {
      const auto groups = histogram.count(queries.row(query), relevance.row(query));
      measured[query] = query_metrics(groups, gains_of(relevance.row(query), groups), options.cutoffs, discounts);
    }
  });
  return mean_metrics(measured, options);
}

}  // namespace warifu
