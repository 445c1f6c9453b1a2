#include "segments/store_compaction.h"

#include <gtest/gtest.h>

#include <vector>

namespace warifu {
namespace {

constexpr std::size_t kNoLimit = std::size_t{1} << 40;
using Sizes = std::vector<SegmentSize>;

TEST(ChooseCompaction, RewritesASegmentOfWhichMoreThanAQuarterIsDead) {
  EXPECT_EQ(choose_compaction(Sizes{{100, 100}, {100, 75}}, kNoLimit), std::nullopt);
  EXPECT_EQ(choose_compaction(Sizes{{100, 100}, {100, 74}}, kNoLimit), (SegmentRun{1, 1}));
  EXPECT_EQ(choose_compaction(Sizes{{100, 0}}, kNoLimit), (SegmentRun{0, 1}));
}

TEST(ChooseCompaction, MergesFourNeighboursOfOneSize) {
  EXPECT_EQ(choose_compaction(Sizes{}, kNoLimit), std::nullopt);
  EXPECT_EQ(choose_compaction(Sizes{{100, 100}, {100, 100}, {100, 100}}, kNoLimit), std::nullopt);
  EXPECT_EQ(choose_compaction(Sizes{{9000, 9000}, {100, 100}, {100, 100}, {100, 100}, {100, 100}}, kNoLimit),
            (SegmentRun{1, 4}));
  EXPECT_EQ(choose_compaction(Sizes{{100, 100}, {100, 100}, {9000, 9000}, {100, 100}, {100, 100}}, kNoLimit),
            std::nullopt)
      << "they are not neighbours";
}

TEST(ChooseCompaction, KeepsTheNumberOfSegmentsSmall) {
  Sizes sizes;
  for (int flush = 0; flush < 1000; ++flush) {
    sizes.push_back({100, 100});
    while (const auto run = choose_compaction(sizes, kNoLimit)) {
      SegmentSize merged;
      for (std::size_t i = 0; i < run->count; ++i) merged.live += sizes[run->first + i].live;
      merged.count = merged.live;
      const auto first = sizes.begin() + static_cast<std::ptrdiff_t>(run->first);
      sizes.insert(sizes.erase(first, first + static_cast<std::ptrdiff_t>(run->count)), merged);
    }
    ASSERT_LE(sizes.size(), 20U);
  }
}

TEST(ChooseCompaction, StopsAtTheLargestSize) {
  EXPECT_EQ(choose_compaction(Sizes{{100, 100}, {100, 100}, {100, 100}, {100, 100}}, 399), std::nullopt);
  EXPECT_EQ(choose_full_compaction(Sizes{{100, 100}, {100, 100}, {100, 100}}, 0, 250), (SegmentRun{0, 2}));
  EXPECT_EQ(choose_full_compaction(Sizes{{200, 200}, {100, 100}}, 0, 250), std::nullopt);
  EXPECT_EQ(choose_full_compaction(Sizes{{200, 200}, {100, 99}}, 0, 250), (SegmentRun{1, 1}));
  EXPECT_EQ(choose_compaction(Sizes{{1000, 251}}, 250), std::nullopt) << "a single one neither";
  EXPECT_EQ(choose_compaction(Sizes{{1000, 250}}, 250), (SegmentRun{0, 1}));
  EXPECT_EQ(choose_full_compaction(Sizes{{1000, 251}, {100, 99}}, 0, 250), (SegmentRun{1, 1}));
}

}  // namespace
}  // namespace warifu
