#include "index/cluster_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "base/parallel.h"
#include "codes/random_codes_for_test.h"
#include "index/clusters.h"
#include "index/flat_index.h"

namespace warifu {
namespace {

CodeSpace clustered_space(std::size_t bits) {
  return {"contrastive", "contrastive", "f00d", static_cast<std::uint32_t>(bits), 1};
}

// Codes about `centres` codes, each bit flipped with a chance of 1 in 16.
CodeMatrix gathered_codes(std::size_t count, std::size_t bits, std::size_t centres, Rng& rng) {
  CodeMatrix codes = repeated_codes(count, bits, centres, rng);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0; k < bits; ++k)
      if (rng.below(16) == 0) codes.row(i)[k / 64] ^= std::uint64_t{1} << (k % 64);
  return codes;
}

// What a test searches: codes with rows, some of them dead.
struct SearchedSegment {
  std::vector<std::int64_t> rows;
  CodeBlocks blocks;
  std::vector<std::uint64_t> live;
  SegmentView view;
};

std::unique_ptr<SearchedSegment> segment_to_search(const CodeMatrix& codes, bool some_dead, Rng& rng) {
  auto segment = std::make_unique<SearchedSegment>();
  segment->blocks = CodeBlocks(codes);
  std::int64_t row = static_cast<std::int64_t>(rng.below(100));
  for (std::size_t i = 0; i < codes.count(); ++i) segment->rows.push_back(row += 1 + (rng.below(50) == 0 ? 5 : 0));
  segment->view = {segment->blocks.view(), RowsView::listed(segment->rows, true), nullptr, codes.count()};
  if (!some_dead) return segment;
  segment->live.assign(segment->view.codes.blocks(), 0);
  segment->view.live_count = 0;
  for (std::size_t i = 0; i < codes.count(); ++i)
    if (rng.below(4) != 0) {
      segment->live[i / 64] |= std::uint64_t{1} << (i % 64);
      ++segment->view.live_count;
    }
  segment->view.live = segment->live.data();
  return segment;
}

TEST(ClusterIndex, GivesTheHitsOfThePlainScan) {
  Rng rng(20261128);
  for (int round = 0; round < 120; ++round) {
    const std::size_t bits = std::vector<std::size_t>{8, 16, 32, 64, 70, 128, 256, 300}[rng.below(8)];
    const std::size_t count = 1 + rng.below(round % 10 == 0 ? 20'000 : 3000);
    const CodeMatrix codes =
        rng.below(4) == 0 ? random_codes(count, bits, rng) : gathered_codes(count, bits, 1 + rng.below(40), rng);
    const auto segment = segment_to_search(codes, rng.below(3) == 0, rng);
    const auto flat = make_flat_index(clustered_space(bits), Modality::kText, {segment->view}, nullptr);
    const auto pruned = make_cluster_index(clustered_space(bits), Modality::kText, {segment->view}, nullptr, 0);

    CodeMatrix queries = gathered_codes(12, bits, 3, rng);
    for (std::size_t q = 0; q < 6; ++q) std::ranges::copy(codes.row(rng.below(count)), queries.row(q).begin());
    std::vector<std::int64_t> allowed;
    for (const std::int64_t row : segment->rows)
      if (rng.below(20) == 0) allowed.push_back(row);
    const RowFilter filter(allowed);
    NearestOptions options;
    options.k = rng.below(6) == 0 ? kAllHits : 1 + rng.below(rng.below(2) == 0 ? 20 : 2 * count);
    if (options.k == kAllHits || rng.below(4) == 0) options.max_distance = rng.below(bits / 2 + 1);
    if (rng.below(2) == 0) options.filter = &filter;
    const auto expected = flat->search(clustered_space(bits), queries, options);
    const auto found = pruned->search(clustered_space(bits), queries, options);
    ASSERT_TRUE(expected);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->exact);
    ASSERT_EQ(found->hits, expected->hits) << bits << " bits, " << count << " codes, round " << round;
    for (std::size_t q = 0; q < 3; ++q)
      EXPECT_EQ(*pruned->search(clustered_space(bits), queries.row(q), std::min(options.k, count), filter),
                *flat->search(clustered_space(bits), queries.row(q), std::min(options.k, count), filter));
  }
}

TEST(ClusterIndex, ReadsASmallPartWhereCodesHaveStructure) {
  Rng rng(3);
  CodeMatrix codes = gathered_codes(100'000, 64, 40, rng);
  const auto segment = segment_to_search(codes, false, rng);
  const auto index = make_cluster_index(clustered_space(64), Modality::kImage, {segment->view}, nullptr, 0);
  const auto found = index->search(
      clustered_space(64), CodeMatrix(50, 64, std::vector(codes.words().begin(), codes.words().begin() + 50)), {});
  ASSERT_TRUE(found);
  EXPECT_LT(found->scanned_share, 0.1);
}

TEST(ClusterIndex, FallsBackToTheScanWhereCodesHaveNone) {
  Rng rng(4);
  const auto segment = segment_to_search(random_codes(50'000, 64, rng), false, rng);
  const auto index = make_cluster_index(clustered_space(64), Modality::kImage, {segment->view}, nullptr, 0);
  const CodeMatrix queries = random_codes(200, 64, rng);
  const auto found = index->search(clustered_space(64), queries, {});
  ASSERT_TRUE(found);
  EXPECT_GE(found->scanned_share, 1.0);
  // Once it is known, hardly anything is read for nothing.
  EXPECT_LT(index->search(clustered_space(64), queries, {})->scanned_share, 1.02);
}

TEST(ClusterIndex, SaysWhatACapOnClustersCosts) {
  Rng rng(5);
  const CodeMatrix codes = gathered_codes(60'000, 64, 30, rng);
  const auto segment = segment_to_search(codes, false, rng);
  const auto index = make_cluster_index(clustered_space(64), Modality::kImage, {segment->view}, nullptr, 0);
  NearestOptions options;
  double recall = 0;
  for (const std::size_t cap : {1U, 4U, 1'000'000U}) {
    options.max_clusters = cap;
    const auto found = index->search(clustered_space(64), random_codes(3, 64, rng), options);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->exact, cap == 1'000'000U);
    EXPECT_GE(found->measured_recall, recall) << "more clusters find no less";
    recall = found->measured_recall;
  }
  EXPECT_EQ(recall, 1.0);
}

TEST(Clusters, KeepEqualShortCodesOnce) {
  Rng rng(6);
  const auto segment = segment_to_search(repeated_codes(20'000, 32, 500, rng), false, rng);
  const auto clusters = Clusters::build(segment->view);
  EXPECT_LE(clusters->distinct(), 500U);
  EXPECT_GT(clusters->distinct(), 450U);
}

TEST(Clusters, AreTheSameForAnyNumberOfThreads) {
  Rng rng(7);
  const auto segment = segment_to_search(gathered_codes(10'000, 128, 30, rng), false, rng);
  const CodeMatrix queries = gathered_codes(20, 128, 30, rng);
  set_thread_count(1);
  const auto alone = make_cluster_index(clustered_space(128), Modality::kImage, {segment->view}, nullptr, 0)
                         ->search(clustered_space(128), queries, {});
  set_thread_count(3);
  const auto shared = make_cluster_index(clustered_space(128), Modality::kImage, {segment->view}, nullptr, 0)
                          ->search(clustered_space(128), queries, {});
  set_thread_count(0);
  EXPECT_EQ(alone->hits, shared->hits);
  EXPECT_EQ(alone->scanned_share, shared->scanned_share);
}

}  // namespace
}  // namespace warifu
