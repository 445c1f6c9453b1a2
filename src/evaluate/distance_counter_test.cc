#include "evaluate/distance_counter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "codes/code_blocks.h"
#include "codes/random_codes_for_test.h"
#include "evaluate/counts_for_test.h"

namespace warifu {
namespace {

void expect_equal(const DistanceCounts& counts, const DistanceCounts& expected) {
  ASSERT_EQ(counts.groups.size(), expected.groups.size());
  for (std::size_t distance = 0; distance < counts.groups.size(); ++distance) {
    EXPECT_EQ(counts.groups[distance].items, expected.groups[distance].items) << distance;
    EXPECT_EQ(counts.groups[distance].relevant, expected.groups[distance].relevant) << distance;
    EXPECT_EQ(counts.groups[distance].gain, expected.groups[distance].gain) << distance;
  }
  EXPECT_EQ(counts.gains, expected.gains);
}

void expect_counts_of_plain_loop(const BlockKernels& kernels, const CodeMatrix& queries, const CodeMatrix& database,
                                 const RelevanceMatrix& gains) {
  const CodeBlocks blocks(database);
  DistanceCounter counter(blocks.view(), kernels);
  for (std::size_t first = 0; first < queries.count(); first += DistanceCounter::kQueries) {
    const std::size_t last = std::min(first + DistanceCounter::kQueries, queries.count());
    const auto counted = counter.count(queries, gains, first, last);
    ASSERT_EQ(counted.size(), last - first);
    for (std::size_t q = first; q < last; ++q) {
      SCOPED_TRACE(testing::Message() << kernels.name << ", " << database.bits() << " bits, query " << q << ", "
                                      << database.count() << " items");
      expect_equal(counted[q - first], counted_one_by_one(queries.row(q), database, gains.row(q)));
    }
  }
}

TEST(DistanceCounter, CountsAsThePlainLoopDoesWithEveryKernelSet) {
  Rng rng(20261128);
  for (const std::size_t bits : {1, 8, 16, 63, 64, 65, 128, 248, 250, 255, 256, 300, 5000})
    for (const std::size_t items : {0, 1, 63, 64, 65, 1000, 33'000}) {
      const std::size_t queries = items > 1000 ? 4 : 21;
      // Half of them from a few codes: distances that are met often.
      CodeMatrix database = repeated_codes(items / 2, bits, 3, rng);
      database.append(random_codes(items - items / 2, bits, rng));
      const RelevanceMatrix gains = drawn_gains(queries, items, rng);
      for (const BlockKernels& kernels : block_kernels())
        if (kernels.runs_here())
          expect_counts_of_plain_loop(kernels, random_codes(queries, bits, rng), database, gains);
    }
}

TEST(DistanceCounter, CountsBeyondSixteenBits) {
  const CodeMatrix database(200'000, 64);
  RelevanceMatrix gains(1, 200'000);
  std::ranges::fill(gains.row(0), std::uint8_t{255});
  for (const BlockKernels& kernels : block_kernels())
    if (kernels.runs_here()) expect_counts_of_plain_loop(kernels, CodeMatrix(1, 64), database, gains);
}

TEST(DistanceCounter, StaysInsideWhereForbiddenBitsAreSet) {
  CodeMatrix query(1, 250);
  for (std::uint64_t& word : query.row(0)) word = ~0ULL;  // six of them padding
  const CodeBlocks blocks(CodeMatrix(100, 250));
  RelevanceMatrix gains(1, 100);
  for (const BlockKernels& kernels : block_kernels()) {
    if (!kernels.runs_here()) continue;
    DistanceCounter counter(blocks.view(), kernels);
    EXPECT_EQ(counter.count(query, gains, 0, 1)[0].groups[255].items, 100U) << kernels.name;
  }
}

}  // namespace
}  // namespace warifu
