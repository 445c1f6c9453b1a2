#include "codes/block_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <numeric>
#include <optional>

#include "codes/hamming.h"
#include "codes/random_codes_for_test.h"

namespace warifu {
namespace {

using Words = std::vector<std::uint64_t>;

std::vector<std::uint32_t> distances_one_by_one(std::span<const std::uint64_t> query, const CodeMatrix& codes) {
  std::vector<std::uint32_t> distances;
  for (std::size_t i = 0; i < codes.count(); ++i) distances.push_back(hamming_distance(query, codes.row(i)));
  return distances;
}

// The definition: sort everything that is allowed and near enough by (distance, position), cut at k.
std::vector<Candidate> nearest_by_sorting(std::span<const std::uint32_t> distances, std::size_t k, std::uint32_t limit,
                                          const Words* allowed, std::size_t first, std::size_t last) {
  std::vector<Candidate> all;
  for (std::size_t i = first; i < last; ++i)
    if (distances[i] < limit && (allowed == nullptr || ((*allowed)[i / 64] >> (i % 64) & 1) != 0))
      all.push_back({distances[i], static_cast<std::uint32_t>(i)});
  std::ranges::sort(all);
  all.resize(std::min(k, all.size()));
  return all;
}

std::vector<const BlockKernels*> kernels_that_run_here() {
  std::vector<const BlockKernels*> here;
  for (const BlockKernels& kernels : block_kernels())
    if (kernels.runs_here()) here.push_back(&kernels);
  return here;
}

const std::vector<std::size_t> kLengths = {1,   8,   16,  24,  32,  40,  63,  64,  65,  128,  150, 192,
                                           248, 249, 250, 255, 256, 264, 300, 512, 520, 1000, 4096};

TEST(BlockKernels, GiveTheDistancesOfThePlainLoopForEveryLength) {
  Rng rng(20261128);
  for (const BlockKernels* kernels : kernels_that_run_here())
    for (const std::size_t bits : kLengths)
      for (const std::size_t count : {1, 63, 64, 65, 200}) {
        const CodeMatrix codes = random_codes(count, bits, rng);
        const CodeBlocks blocks(codes);
        const CodeMatrix query = random_codes(1, bits, rng);
        const auto expected = distances_one_by_one(query.row(0), codes);
        const auto planes = query_planes(query.row(0), blocks.view().bits);
        const BlockRange range{blocks.view(), 0, blocks.view().blocks(), nullptr};
        std::vector<std::uint16_t> words(range.last * 64);
        kernels->distances(range, planes.data(), words.data());
        std::vector<std::uint8_t> bytes(range.last * 64);
        kernels->byte_distances(range, planes.data(), bytes.data());
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_EQ(words[i], expected[i]) << kernels->name << ", " << bits << " bits, code " << i << " of " << count;
          ASSERT_EQ(bytes[i], std::min(expected[i], 255U)) << kernels->name << ", " << bits << " bits, code " << i;
        }
      }
}

TEST(BlockKernels, ReachTheLargestDistanceOfTheLongestCode) {
  CodeMatrix ones(1, kMaxCodeBits);
  for (std::uint64_t& word : ones.row(0)) word = ~0ULL;
  ones.row(0).back() >>= 1;  // 65,535 bits leave one bit of padding
  const CodeBlocks zeros(CodeMatrix(1, kMaxCodeBits));
  const auto query = query_planes(ones.row(0), kMaxCodeBits);
  for (const BlockKernels* kernels : kernels_that_run_here()) {
    std::vector<std::uint16_t> distances(64);
    kernels->distances({zeros.view(), 0, 1, nullptr}, query.data(), distances.data());
    EXPECT_EQ(distances[0], kMaxCodeBits) << kernels->name;
    NearestCollector collector(1, kMaxCodeBits + 1);
    const std::uint32_t* queries = query.data();
    NearestCollector* collectors = &collector;
    kernels->nearest({zeros.view(), 0, 1, nullptr}, &queries, &collectors, 1);
    EXPECT_EQ(collector.nearest(), (std::vector<Candidate>{{kMaxCodeBits, 0}})) << kernels->name;
  }
}

// One scan of several queries over part of the blocks, held against sorting.
void expect_nearest_of_sorting(const BlockKernels& kernels, std::size_t bits, Rng& rng) {
  const std::size_t count = 1 + rng.below(900);
  const CodeMatrix codes = repeated_codes(count, bits, 1 + rng.below(rng.below(2) == 0 ? 5 : 500), rng);
  const CodeBlocks blocks(codes);
  BlockRange range{blocks.view(), 0, blocks.view().blocks(), nullptr};
  range.first = rng.below(3) == 0 ? rng.below(range.last + 1) : 0;
  range.last = rng.below(3) == 0 ? range.first + rng.below(range.last - range.first + 1) : range.last;
  Words allowed(blocks.view().blocks());
  for (std::uint64_t& word : allowed)
    word = rng.below(3) == 0 ? 0 : rng.below(2) == 0 ? rng.next() & rng.next() & rng.next() : ~std::uint64_t{0};
  const bool filtered = rng.below(2) == 0;
  if (filtered) range.allowed = allowed.data() + range.first;

  const std::size_t query_count = 1 + rng.below(10);
  std::vector<std::vector<std::uint32_t>> planes;
  std::vector<NearestCollector> collectors(query_count);
  std::vector<const std::uint32_t*> queries;
  std::vector<NearestCollector*> pointers;
  std::vector<std::vector<Candidate>> expected;
  for (std::size_t q = 0; q < query_count; ++q) {
    CodeMatrix query = random_codes(1, bits, rng);
    if (rng.below(2) == 0) std::ranges::copy(codes.row(rng.below(count)), query.row(0).begin());
    planes.push_back(query_planes(query.row(0), static_cast<std::uint32_t>(bits)));
    const std::size_t k = rng.below(8) == 0 ? NearestCollector::kAll : 1 + rng.below(rng.below(2) == 0 ? 10 : 1000);
    const auto limit = static_cast<std::uint32_t>(rng.below(2) == 0 ? bits + 1 : rng.below(bits + 2));
    collectors[q].start(k, limit);
    pointers.push_back(&collectors[q]);
    expected.push_back(nearest_by_sorting(distances_one_by_one(query.row(0), codes), k, limit,
                                          filtered ? &allowed : nullptr, range.first * 64,
                                          std::min(count, range.last * 64)));
  }
  for (const auto& query : planes) queries.push_back(query.data());
  kernels.nearest(range, queries.data(), pointers.data(), query_count);
  for (std::size_t q = 0; q < query_count; ++q)
    ASSERT_EQ(collectors[q].nearest(), expected[q])
        << kernels.name << ", " << bits << " bits, query " << q << " of " << query_count;
}

TEST(BlockKernels, KeepTheNearestByDistanceThenPosition) {
  Rng rng(7);
  for (const BlockKernels* kernels : kernels_that_run_here())
    for (const std::size_t bits : kLengths)
      for (int round = 0; round < (bits > 300 ? 5 : 40); ++round)
        ASSERT_NO_FATAL_FAILURE(expect_nearest_of_sorting(*kernels, bits, rng));
}

TEST(BlockKernels, ContinueInTheNextRangeWhereTheLastOneStopped) {
  Rng rng(8);
  const CodeMatrix codes = repeated_codes(3000, 64, 300, rng);
  const CodeBlocks blocks(codes);
  const auto query = query_planes(codes.row(5), 64);
  const std::uint32_t* queries = query.data();
  for (const BlockKernels* kernels : kernels_that_run_here()) {
    NearestCollector collector(100, 65);
    NearestCollector* collectors = &collector;
    for (std::size_t first = 0; first < blocks.view().blocks(); first += 7)
      kernels->nearest({blocks.view(), first, std::min(first + 7, blocks.view().blocks()), nullptr}, &queries,
                       &collectors, 1);
    EXPECT_EQ(collector.nearest(),
              nearest_by_sorting(distances_one_by_one(codes.row(5), codes), 100, 65, nullptr, 0, 3000));
  }
}

TEST(BlockKernels, TakeTheBytesThatAreMarked) {
  Rng rng(9);
  for (const BlockKernels* kernels : kernels_that_run_here())
    for (const std::size_t count : {0, 1, 31, 32, 63, 64, 65, 500}) {
      std::vector<std::uint8_t> values(count);
      std::vector<std::uint8_t> marks(count);
      std::vector<std::uint8_t> expected;
      for (std::size_t i = 0; i < count; ++i) {
        values[i] = static_cast<std::uint8_t>(rng.next());
        marks[i] = static_cast<std::uint8_t>(rng.below(3) == 0 ? rng.next() : 0);
        if (marks[i] != 0) expected.push_back(values[i]);
      }
      std::vector<std::uint8_t> taken(count + 64);
      const TakenBytes found = kernels->take_where(values.data(), marks.data(), count, taken.data());
      taken.resize(found.count);
      EXPECT_EQ(taken, expected) << kernels->name << ", " << count;
      EXPECT_EQ(found.marks, std::accumulate(marks.begin(), marks.end(), 0, std::bit_or<>())) << kernels->name;
    }
}

// Values of every spread up to `most`: all equal, near each other, anything.
std::vector<std::uint8_t> drawn_bytes(std::size_t count, std::size_t most, Rng& rng) {
  const std::size_t spread = rng.below(3) == 0 ? 1 : 1 + rng.below(most + 1);
  const std::size_t lowest = rng.below(most + 2 - spread);
  std::vector<std::uint8_t> values(count);
  for (std::uint8_t& value : values) value = static_cast<std::uint8_t>(lowest + rng.below(spread));
  return values;
}

TEST(BlockKernels, CountHowOftenEachByteIsThere) {
  Rng rng(10);
  std::vector<std::uint16_t> pairs(kBytePairs);
  for (const BlockKernels* kernels : kernels_that_run_here())
    for (const std::size_t most : {1, 2, 8, 16, 64, 128, 254, 255})
      // Around what is counted together, and more equal pairs than 16 bits can hold.
      for (const std::size_t count : {0, 1, 7, 8, 63, 255, 256, 257, 511, 512, 513, 1025, 40'000, 131'064, 300'001}) {
        const std::vector<std::uint8_t> values = drawn_bytes(count, most, rng);
        std::vector<std::uint32_t> counts(most + 1, 5);  // they are added to
        std::vector<std::uint32_t> expected = counts;
        for (const std::uint8_t value : values) ++expected[value];
        kernels->count_bytes(values.data(), count, static_cast<std::uint8_t>(most), counts.data(), pairs.data());
        ASSERT_EQ(counts, expected) << kernels->name << ", " << count << " up to " << most;
        ASSERT_TRUE(std::ranges::all_of(pairs, [](std::uint16_t pair) { return pair == 0; })) << kernels->name;
      }
}

TEST(BlockKernels, ReadEveryByteAndCountEveryBitForTheLimits) {
  Rng rng(10);
  std::vector<std::uint8_t> bytes(65536);
  for (const BlockKernels* kernels : kernels_that_run_here())
    for (const std::size_t count : {0, 512, 1024, 16384, 65536}) {
      const auto query = static_cast<std::uint32_t>(rng.next());
      std::uint64_t all = 0;
      const std::uint32_t times = count <= 16384 ? 16 : 4;
      std::uint64_t differing = 0;
      for (std::size_t i = 0; i < count; i += 8) {
        const std::uint64_t word = rng.next();
        std::memcpy(bytes.data() + i, &word, sizeof(word));
        all ^= word;
        for (std::uint32_t changed = query; changed != query + times; ++changed)
          differing += static_cast<std::uint64_t>(std::popcount(word ^ (std::uint64_t{changed} << 32 | changed)));
      }
      EXPECT_EQ(kernels->read_all(bytes.data(), count), all) << kernels->name << ", " << count;
      EXPECT_EQ(kernels->count_all(bytes.data(), count, query, times), differing) << kernels->name << ", " << count;
    }
  std::ranges::fill(bytes, std::uint8_t{0});
  for (const BlockKernels* kernels : kernels_that_run_here())
    EXPECT_EQ(kernels->count_all(bytes.data(), bytes.size(), ~0U, 1), 8 * bytes.size()) << kernels->name;
}

TEST(BlockKernels, EndWithOneThatRunsEverywhereAndTheChosenOneIsTheFirstThatRunsHere) {
  EXPECT_EQ(block_kernels().back().name, "portable");
  EXPECT_EQ(chosen_block_kernels().name, kernels_that_run_here().front()->name);
}

TEST(NearestCollector, StaysSmallWhereEverythingTies) {
  const CodeBlocks zeros(CodeMatrix(100'000, 16));
  const auto query = query_planes(std::vector<std::uint64_t>{1}, 16);
  const std::uint32_t* queries = query.data();
  NearestCollector collector(10, 17);
  NearestCollector* collectors = &collector;
  chosen_block_kernels().nearest({zeros.view(), 0, zeros.view().blocks(), nullptr}, &queries, &collectors, 1);
  EXPECT_LE(collector.kept(), 256U);
  EXPECT_EQ(collector.nearest().size(), 10U);
  EXPECT_EQ(collector.nearest().back(), (Candidate{1, 9}));
}

// A thousand finds, when room for more is made, are not all counted yet. Here one more taken for near than there are
// would end the search a code too early.
TEST(NearestCollector, CountsWhatLiesAtALimitThatFallsWhileRoomIsMade) {
  Rng rng(9);
  const CodeMatrix codes = random_codes(110'000, 32, rng);
  const CodeBlocks blocks(codes);
  const CodeMatrix query = random_codes(1, 32, rng);
  const auto planes = query_planes(query.row(0), 32);
  const std::uint32_t* queries = planes.data();
  const auto distances = distances_one_by_one(query.row(0), codes);
  std::vector<std::size_t> near;
  for (std::size_t i = 0; i < distances.size(); ++i)
    if (distances[i] <= 9) near.push_back(i);
  for (const BlockKernels* kernels : kernels_that_run_here())
    for (std::size_t k = 930; k < 990; ++k) {
      BlockView view = blocks.view();
      view.count = near.at(k - 1);  // so that k - 1 are near
      NearestCollector collector(k, 11);
      NearestCollector* collectors = &collector;
      kernels->nearest({view, 0, view.blocks(), nullptr}, &queries, &collectors, 1);
      EXPECT_EQ(collector.nearest(), nearest_by_sorting(distances, k, 11, nullptr, 0, view.count))
          << kernels->name << ", k " << k;
    }
}

TEST(SelectNearest, CutsAtKInOrderOfDistanceThenPosition) {
  const std::vector<Candidate> candidates = {{3, 1}, {1, 9}, {1, 4}, {2, 2}, {1, 7}};
  EXPECT_EQ(select_nearest(candidates, 2), (std::vector<Candidate>{{1, 4}, {1, 7}}));
  EXPECT_EQ(select_nearest(candidates, 9), (std::vector<Candidate>{{1, 4}, {1, 7}, {1, 9}, {2, 2}, {3, 1}}));
}

}  // namespace
}  // namespace warifu
