#include "index/synthetic_codes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>
#include <vector>

#include "base/parallel.h"
#include "codes/hamming.h"

namespace warifu {
namespace {

std::vector<std::uint64_t> words(const CodeMatrix& codes) { return {codes.words().begin(), codes.words().end()}; }

std::size_t distinct(const CodeMatrix& codes) {
  std::set<std::vector<std::uint64_t>> seen;
  for (std::size_t i = 0; i < codes.count(); ++i) seen.emplace(codes.row(i).begin(), codes.row(i).end());
  return seen.size();
}

// Share of ones over all bits.
double ones(const CodeMatrix& codes) {
  double sum = 0;
  for (const std::uint64_t word : codes.words()) sum += std::popcount(word);
  return sum / static_cast<double>(codes.count() * codes.bits());
}

TEST(SyntheticCodes, AreTheSameForASeedWithAnyNumberOfThreads) {
  for (const SyntheticData data : {SyntheticData::kUniform, SyntheticData::kClustered}) {
    set_thread_count(1);
    const SyntheticCodes alone = draw_codes(data, 10'000, 50, 48, 3);
    set_thread_count(3);
    const SyntheticCodes together = draw_codes(data, 10'000, 50, 48, 3);
    set_thread_count(0);
    EXPECT_EQ(words(alone.items), words(together.items));
    EXPECT_EQ(words(alone.queries), words(together.queries));
    EXPECT_NE(words(alone.items), words(draw_codes(data, 10'000, 50, 48, 4).items));
  }
}

TEST(SyntheticCodes, BeginWithTheSameItemsHoweverManyThereAre) {
  const SyntheticCodes few = draw_codes(SyntheticData::kClustered, 100, 10, 64, 1);
  const SyntheticCodes many = draw_codes(SyntheticData::kClustered, 5000, 20, 64, 1);
  EXPECT_TRUE(std::ranges::equal(few.items.words(), many.items.rows(0, 100)));
  EXPECT_TRUE(std::ranges::equal(few.queries.words(), many.queries.rows(0, 10)));
}

TEST(SyntheticCodes, LeaveTheBitsBehindTheLastOneZero) {
  for (const SyntheticData data : {SyntheticData::kUniform, SyntheticData::kClustered})
    for (const std::size_t bits : {1, 7, 63, 65, 100}) {
      const CodeMatrix codes = draw_codes(data, 300, 1, bits, 1).items;
      for (std::size_t i = 0; i < codes.count(); ++i) EXPECT_EQ(codes.row(i).back() >> (bits % 64), 0U);
    }
}

TEST(SyntheticCodes, OfUniformBitsAreFairAndDistinct) {
  const CodeMatrix codes = draw_codes(SyntheticData::kUniform, 20'000, 1, 64, 1).items;
  EXPECT_NEAR(ones(codes), 0.5, 0.005);
  EXPECT_EQ(distinct(codes), codes.count());
}

TEST(SyntheticCodes, OfClustersRepeatAndLieNearEachOtherAsLearnedOnesDo) {
  const SyntheticCodes drawn = draw_codes(SyntheticData::kClustered, 100'000, 50, 32, 1);
  const double share = static_cast<double>(distinct(drawn.items)) / 100'000;
  EXPECT_GT(share, 0.2);
  EXPECT_LT(share, 0.7);
  // A query's own combination is among the items, so something lies far nearer than the 8 that chance would give.
  double sum = 0;
  for (std::size_t q = 0; q < 50; ++q) {
    std::uint32_t nearest = 32;
    for (std::size_t i = 0; i < drawn.items.count(); ++i)
      nearest = std::min(nearest, hamming_distance(drawn.queries.row(q), drawn.items.row(i)));
    sum += nearest;
  }
  EXPECT_LT(sum / 50, 1.5);
}

TEST(NoisyCopies, DifferFromACodeInTheShareOfBitsThatWasAskedFor) {
  const CodeMatrix one = draw_codes(SyntheticData::kUniform, 1, 0, 200, 1).items;
  for (const double probability : {0.0, 0.03, 0.5, 1.0}) {
    const CodeMatrix copies = noisy_copies(one, 5000, probability, 9);
    double differing = 0;
    for (std::size_t i = 0; i < copies.count(); ++i) differing += hamming_distance(one.row(0), copies.row(i));
    EXPECT_NEAR(differing / (5000 * 200), probability, 0.003);
  }
}

TEST(NoisyCopies, ComeFromEveryCode) {
  const CodeMatrix codes = draw_codes(SyntheticData::kUniform, 20, 0, 64, 1).items;
  EXPECT_EQ(distinct(noisy_copies(codes, 1000, 0, 1)), 20U);
}

}  // namespace
}  // namespace warifu
