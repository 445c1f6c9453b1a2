#include "index/flat_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/rng.h"
#include "codes/random_codes_for_test.h"

namespace warifu {
namespace {

CodeSpace space_of(std::size_t bits) {
  return {"contrastive", "contrastive", "f00d", static_cast<std::uint32_t>(bits), 1};
}

CodeSegment segment_of(std::vector<std::int64_t> rows, CodeMatrix codes) {
  CodeSegment segment;
  segment.space = space_of(codes.bits());
  segment.rows = std::move(rows);
  segment.codes = std::move(codes);
  return segment;
}

// Few distinct codes when `distinct` is small: heavy ties and duplicates.
CodeSegment random_segment(std::size_t count, std::size_t bits, std::size_t distinct, Rng& rng) {
  CodeMatrix pool(distinct, bits);
  for (std::size_t i = 0; i < distinct; ++i)
    for (std::size_t k = 0; k < bits; ++k) pool.row(i)[k / 64] |= (rng.next() & 1U) << (k % 64);
  CodeMatrix codes(count, bits);
  std::vector<std::int64_t> rows(count);
  std::int64_t row = static_cast<std::int64_t>(rng.below(100));
  for (std::size_t i = 0; i < count; ++i) {
    std::ranges::copy(pool.row(rng.below(distinct)), codes.row(i).begin());
    rows[i] = row;
    row += 1 + static_cast<std::int64_t>(rng.below(3));
  }
  return segment_of(std::move(rows), std::move(codes));
}

// The definition: sort everything by (distance, row), keep what is allowed, cut at k.
std::vector<Hit> nearest_by_sorting(const CodeSegment& segment, std::span<const std::uint64_t> query, std::size_t k,
                                    const std::set<std::int64_t>* allowed) {
  std::vector<Hit> hits;
  for (std::size_t i = 0; i < segment.rows.size(); ++i) {
    if (allowed != nullptr && !allowed->contains(segment.rows[i])) continue;
    std::uint32_t distance = 0;
    for (std::size_t bit = 0; bit < segment.codes.bits(); ++bit)
      distance += segment.codes.bit(i, bit) != (((query[bit / 64] >> (bit % 64)) & 1U) != 0) ? 1 : 0;
    hits.push_back({segment.rows[i], distance});
  }
  std::ranges::sort(hits, [](const Hit& a, const Hit& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
  });
  hits.resize(std::min(k, hits.size()));
  return hits;
}

TEST(FlatIndex, GivesTheNearestFirstAndEqualDistancesInAscendingRow) {
  const auto index = make_flat_index(segment_of({2, 5, 7, 9}, CodeMatrix(4, 16, {0b0011, 0b0001, 0b1000, 0b0111})));
  const auto hits = index->search(space_of(16), std::vector<std::uint64_t>{0b0011}, 3, RowFilter());
  ASSERT_TRUE(hits);
  EXPECT_EQ(*hits, (std::vector<Hit>{{2, 0}, {5, 1}, {9, 1}}));
}

TEST(FlatIndex, EqualsSortingEverything) {
  Rng rng(7);
  for (int round = 0; round < 250; ++round) {
    const std::size_t bits = std::vector<std::size_t>{3, 16, 32, 64, 70, 128, 256}[rng.below(7)];
    const std::size_t count = rng.below(round % 50 == 0 ? 9000 : 300);
    const CodeSegment segment = random_segment(count, bits, 1 + rng.below(round % 2 == 0 ? 8 : 400), rng);
    const auto index = make_flat_index(segment);
    const CodeSegment query = random_segment(1, bits, 1, rng);
    const std::size_t k = 1 + rng.below(2 * count + 10);
    std::vector<std::int64_t> allowed;
    for (const std::int64_t row : segment.rows)
      if (rng.below(3) == 0) allowed.push_back(row);
    const std::set<std::int64_t> allowed_set(allowed.begin(), allowed.end());

    EXPECT_EQ(*index->search(space_of(bits), query.codes.row(0), k, RowFilter()),
              nearest_by_sorting(segment, query.codes.row(0), k, nullptr));
    EXPECT_EQ(*index->search(space_of(bits), query.codes.row(0), k, RowFilter(allowed)),
              nearest_by_sorting(segment, query.codes.row(0), k, &allowed_set));
  }
}

TEST(FlatIndex, GivesTheSameHitsForAnyNumberOfThreads) {
  Rng rng(11);
  // Large enough for threads, and every code some twenty times, so that ties cross the cuts between pieces.
  const CodeSegment segment = random_segment((1U << 20) + 4321, 64, 50'000, rng);
  const auto index = make_flat_index(segment);
  const auto query = segment.codes.row(777);
  std::vector<std::int64_t> every_seventh;
  for (std::size_t i = 0; i < segment.rows.size(); i += 7) every_seventh.push_back(segment.rows[i]);
  for (const std::size_t k : {1U, 100U, 5000U}) {
    for (const RowFilter& filter : {RowFilter(), RowFilter(every_seventh)}) {
      set_thread_count(1);
      const auto alone = index->search(space_of(64), query, k, filter);
      ASSERT_EQ(alone->size(), k);
      EXPECT_TRUE(std::ranges::is_sorted(*alone, [](const Hit& a, const Hit& b) {
        return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
      }));
      for (const std::size_t threads : {2U, 5U}) {
        set_thread_count(threads);
        EXPECT_EQ(*index->search(space_of(64), query, k, filter), *alone) << threads << " threads, k = " << k;
      }
    }
  }
  set_thread_count(0);
}

TEST(FlatIndex, ReachesTheFarthestCodeOfTheLongestKind) {
  CodeMatrix codes(2, kMaxCodeBits);
  for (std::uint64_t& word : codes.row(1)) word = ~0ULL;
  codes.row(1).back() >>= 1;
  const auto index = make_flat_index(segment_of({0, 1}, codes));
  const CodeMatrix zeros(1, kMaxCodeBits);
  const auto hits = index->search(space_of(kMaxCodeBits), zeros.row(0), 2, RowFilter());
  EXPECT_EQ(*hits, (std::vector<Hit>{{0, 0}, {1, kMaxCodeBits}}));
}

TEST(FlatIndex, IsEmptyHandedWhenItHasNothingToGive) {
  const auto empty = make_flat_index(segment_of({}, CodeMatrix(0, 16)));
  EXPECT_TRUE(empty->search(space_of(16), std::vector<std::uint64_t>{0}, 10, RowFilter())->empty());
  const auto one = make_flat_index(segment_of({4}, CodeMatrix(1, 16, {1})));
  const RowFilter none(std::vector<std::int64_t>{});
  EXPECT_TRUE(one->search(space_of(16), std::vector<std::uint64_t>{0}, 10, none)->empty());
}

TEST(FlatIndex, RefusesAQueryOfAnotherSpaceAndSaysWhichTwoMet) {
  const auto index = make_flat_index(segment_of({4}, CodeMatrix(1, 16, {1})));
  CodeSpace next_generation = space_of(16);
  next_generation.generation = 2;
  for (const CodeSpace& other : {space_of(32), next_generation, CodeSpace{"dlch", "dlch", "f00d", 16, 1},
                                 CodeSpace{"contrastive", "contrastive", "beef", 16, 1}}) {
    const auto hits = index->search(other, std::vector<std::uint64_t>{0}, 1, RowFilter());
    ASSERT_FALSE(hits);
    EXPECT_EQ(hits.error().code, ErrorCode::kIncompatible);
    EXPECT_NE(hits.error().message.find(other.name), std::string::npos);
    EXPECT_FALSE(hits.error().hint.empty());
  }
}

TEST(FlatIndex, RefusesWhatIsNotAQuery) {
  const auto index = make_flat_index(segment_of({4}, CodeMatrix(1, 16, {1})));
  const auto code_of_error = [&](std::vector<std::uint64_t> query, std::size_t k) {
    return index->search(space_of(16), query, k, RowFilter()).error().code;
  };
  EXPECT_EQ(code_of_error({0}, 0), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of_error({}, 1), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of_error({0, 0}, 1), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of_error({std::uint64_t{1} << 16}, 1), ErrorCode::kInvalidArgument);
}

TEST(FlatIndex, FindsTheStoredCodeOfARow) {
  const auto index = make_flat_index(segment_of({2, 5, 9}, CodeMatrix(3, 16, {20, 50, 90})));
  EXPECT_EQ(index->code_of(5)->row(0)[0], 50U);
  EXPECT_EQ(index->code_of(9)->row(0)[0], 90U);
  for (const std::int64_t row : {-1, 0, 3, 10}) EXPECT_FALSE(index->code_of(row)) << row;
}

TEST(FlatIndex, AnswersManyQueriesAsOneByOne) {
  Rng rng(13);
  for (const std::size_t bits : {16, 64, 256, 300}) {
    const CodeSegment segment = random_segment(3000, bits, 700, rng);
    const auto index = make_flat_index(segment);
    const CodeSegment queries = random_segment(300, bits, 300, rng);
    NearestOptions options;
    options.k = 25;
    const auto found = index->search(space_of(bits), queries.codes, options);
    ASSERT_TRUE(found);
    for (std::size_t q = 0; q < queries.codes.count(); ++q)
      ASSERT_EQ(found->hits[q], nearest_by_sorting(segment, queries.codes.row(q), 25, nullptr)) << bits << " bits";
  }
}

TEST(FlatIndex, FindsEverythingWithinADistance) {
  Rng rng(14);
  const CodeSegment segment = random_segment(5000, 32, 400, rng);
  const auto index = make_flat_index(segment);
  NearestOptions options;
  options.k = kAllHits;
  for (const std::uint32_t radius : {0U, 9U, 14U, 32U, 1000U}) {
    options.max_distance = radius;
    const CodeMatrix queries(100, 32, std::vector(segment.codes.words().begin(), segment.codes.words().begin() + 100));
    const auto found = index->search(space_of(32), queries, options);
    ASSERT_TRUE(found);
    for (const std::size_t q : {0, 77, 99}) {
      auto expected = nearest_by_sorting(segment, segment.codes.row(q), segment.rows.size(), nullptr);
      std::erase_if(expected, [&](const Hit& hit) { return hit.distance > radius; });
      ASSERT_EQ(found->hits[q], expected) << radius;
    }
  }
}

TEST(FlatIndex, GuessesALimitForManyHitsAndMendsAWrongGuess) {
  Rng rng(15);
  // The near codes lie where no sample is taken of them, the sampled ones are as near as can be.
  const std::size_t count = std::size_t{1} << 18;
  CodeMatrix codes = repeated_codes(count, 64, 50, rng);
  const CodeMatrix query = repeated_codes(1, 64, 1, rng);
  const std::size_t blocks = count / 64;
  for (std::size_t run = 0; run < 32; ++run)
    for (std::size_t i = 0; i < 8 * 64; ++i)
      if (i % 16 == 0) std::ranges::copy(query.row(0), codes.row(run * (blocks / 32) * 64 + i).begin());
  std::vector<std::int64_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  const CodeSegment segment = segment_of(std::move(rows), std::move(codes));
  for (const std::size_t k : {300U, 1500U, 9000U})
    EXPECT_EQ(*make_flat_index(segment)->search(space_of(64), query.row(0), k, RowFilter()),
              nearest_by_sorting(segment, query.row(0), k, nullptr));
}

TEST(FlatIndex, FindsAmongAFewRowsWithoutLookingAtTheOthers) {
  Rng rng(18);
  const CodeSegment segment = random_segment(50'000, 64, 3000, rng);
  const auto index = make_flat_index(segment);
  for (const std::size_t few : {1U, 3U, 11U}) {
    std::vector<std::int64_t> allowed = {-7};
    for (std::size_t i = 0; i < few; ++i) allowed.push_back(segment.rows[rng.below(segment.rows.size())]);
    allowed.push_back(segment.rows.back() + 1);
    std::ranges::sort(allowed);
    const std::set<std::int64_t> allowed_set(allowed.begin(), allowed.end());
    for (const std::size_t k : {1U, 2U, 100U})
      EXPECT_EQ(*index->search(space_of(64), segment.codes.row(9), k, RowFilter(allowed)),
                nearest_by_sorting(segment, segment.codes.row(9), k, &allowed_set));
  }
}

// Several segments whose rows interleave, one of them in no order, some codes dead: as a living index has them.
TEST(FlatIndex, TakesSeveralSegmentsForOne) {
  Rng rng(16);
  for (int round = 0; round < 60; ++round) {
    const std::size_t bits = std::vector<std::size_t>{16, 64, 128}[rng.below(3)];
    const CodeMatrix pool = repeated_codes(1200, bits, 1 + rng.below(300), rng);
    std::vector<std::int64_t> all(1200);
    std::iota(all.begin(), all.end(), 5);
    shuffle(std::span(all), rng);
    std::vector<std::vector<std::int64_t>> rows(3);
    std::vector<CodeBlocks> blocks;
    std::vector<std::vector<std::uint64_t>> live(3);
    std::vector<SegmentView> views;
    CodeSegment whole = segment_of({}, CodeMatrix(0, bits));
    std::vector<std::pair<std::int64_t, std::size_t>> living;
    for (std::size_t s = 0; s < 3; ++s) {
      rows[s].assign(all.begin() + static_cast<std::ptrdiff_t>(400 * s),
                     all.begin() + static_cast<std::ptrdiff_t>(400 * (s + 1)));
      if (s < 2) std::ranges::sort(rows[s]);
      CodeMatrix codes(400, bits);
      live[s].assign(7, 0);
      for (std::size_t i = 0; i < 400; ++i) {
        std::ranges::copy(pool.row(static_cast<std::size_t>(rows[s][i] - 5)), codes.row(i).begin());
        if (rng.below(5) == 0) continue;
        live[s][i / 64] |= std::uint64_t{1} << (i % 64);
        living.emplace_back(rows[s][i], static_cast<std::size_t>(rows[s][i] - 5));
      }
      blocks.emplace_back(codes);
      views.push_back({blocks[s].view(), RowsView::listed(rows[s], s < 2), live[s].data(), 0});
    }
    for (SegmentView& view : views)
      for (std::size_t w = 0; w < 7; ++w) view.live_count += static_cast<std::size_t>(std::popcount(view.live[w]));
    std::ranges::sort(living);
    CodeMatrix codes(living.size(), bits);
    for (std::size_t i = 0; i < living.size(); ++i) {
      whole.rows.push_back(living[i].first);
      std::ranges::copy(pool.row(living[i].second), codes.row(i).begin());
    }
    whole.codes = std::move(codes);
    const auto index = make_flat_index(space_of(bits), Modality::kImage, views, nullptr);
    EXPECT_EQ(index->size(), living.size());
    for (const std::size_t k : {1U, 7U, 200U, 2000U})
      ASSERT_EQ(*index->search(space_of(bits), pool.row(3), k, RowFilter()),
                nearest_by_sorting(whole, pool.row(3), k, nullptr));
    EXPECT_EQ(index->code_of(living.front().first)->row(0)[0], pool.row(living.front().second)[0]);
    EXPECT_FALSE(index->code_of(3));
  }
}

TEST(FlatIndex, StopsWhenToldTo) {
  Rng rng(17);
  const auto index = make_flat_index(random_segment(10'000, 64, 100, rng));
  const CodeSegment query = random_segment(1, 64, 1, rng);
  NearestOptions late;
  late.stop.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(index->search(space_of(64), query.codes, late).error().code, ErrorCode::kUnavailable);
  std::stop_source source;
  NearestOptions cancelled;
  cancelled.stop.cancelled = source.get_token();
  EXPECT_TRUE(index->search(space_of(64), query.codes, cancelled));
  source.request_stop();
  EXPECT_EQ(index->search(space_of(64), query.codes, cancelled).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace warifu
