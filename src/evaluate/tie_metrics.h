#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// Measures of one ranking whose items come in groups of equal distance. Short codes tie a lot: at
// 16 bits the best and the worst order of the same ranking can differ by 0.2 in average precision,
// so a number that depends on the order of ties is not a result. Every function here depends only
// on how many items of which gain lie at each distance.
//
// Source: F. McSherry and M. Najork, "Computing Information Retrieval Performance Measures
// Efficiently in the Presence of Tied Scores", ECIR 2008.
//
// Thread safety: pure functions.
namespace warifu {

// The items at one distance. Groups are given in ascending distance and cover the whole database;
// empty ones may be among them.
struct DistanceGroup {
  std::uint64_t items = 0;
  std::uint64_t relevant = 0;  // of them
  std::uint64_t gain = 0;      // sum over them
};

// Average precision: the mean, over the relevant items, of the precision at the item's rank.
// Expected when items at equal distance are ordered at random; lowest and highest over all orders
// of the ties (relevant items last, or first, in each group). In [0, 1]; 0 if no item is relevant.
//
// A group of n items with r relevant, after s items with q relevant, adds to the expected sum
//   sum for i = 1 … n of  (r / n) * (q + 1 + (i - 1) * (r - 1) / (n - 1)) / (s + i)
double expected_average_precision(std::span<const DistanceGroup> groups);
double lowest_average_precision(std::span<const DistanceGroup> groups);
double highest_average_precision(std::span<const DistanceGroup> groups);

// Expected number of relevant items among the first k; k may exceed the database.
double expected_relevant_at(std::span<const DistanceGroup> groups, std::size_t k);

// Sums of the discount 1 / log2(rank + 1) over ranks, prepared once for all queries.
class RankDiscounts {
 public:
  explicit RankDiscounts(std::size_t max_rank);

  // Over ranks first + 1 … last; both are cut at max_rank.
  double sum(std::size_t first, std::size_t last) const;

 private:
  std::vector<double> up_to_;  // [rank]: over ranks 1 … rank
};

// Expected discounted cumulative gain of the first k: sum of gain / log2(rank + 1), where every
// rank of a group has the group's average gain. `discounts` reaches k or the database's size.
double expected_dcg_at(std::span<const DistanceGroup> groups, std::size_t k, const RankDiscounts& discounts);

// The number of database items of each gain 0 … 255; [0] is not looked at.
using GainCounts = std::array<std::uint64_t, 256>;

// The same of the best order there is: by falling gain. `counts` are those of GainCounts, perhaps without its end of
// gains that no item has.
double ideal_dcg_at(std::span<const std::uint64_t> counts, std::size_t k, const RankDiscounts& discounts);

// 1 / (first + 1) + … + 1 / (first + count), to full relative precision in constant time.
double reciprocal_sum(std::uint64_t first, std::uint64_t count);

}  // namespace warifu
