#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/evaluate.h"
#include "evaluate/gains_for_test.h"

namespace warifu {
namespace {

// Rows of length 1 in the plane, of the given cosine with (1, 0).
FloatMatrix at_cosines(const std::vector<float>& cosines) {
  FloatMatrix rows(cosines.size(), 2);
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    rows.row(i)[0] = cosines[i];
    rows.row(i)[1] = std::sqrt(1 - cosines[i] * cosines[i]);
  }
  return rows;
}

TEST(EvaluateEmbeddings, MeasuresARankingWithTiesWorkedByHand) {
  // by falling cosine: 0.9 +; 0.5: + -; 0 -; -0.7 +, given in another order
  const FloatMatrix database = at_cosines({0.5F, -0.7F, 0.9F, 0, 0.5F});
  const MetricOptions options{.cutoffs = {1, 2}};
  const Metrics metrics = evaluate_embeddings(at_cosines({1}), database, with_gains({{1, 1, 1, 0, 0}}), options);
  const double last = 3.0 / 5;
  EXPECT_EQ(metrics.queries, 1U);
  EXPECT_DOUBLE_EQ(metrics.map, (1 + (2.0 / 2 + 2.0 / 3) / 2 + last) / 3);
  EXPECT_DOUBLE_EQ(metrics.map_low, (1 + 2.0 / 3 + last) / 3);
  EXPECT_DOUBLE_EQ(metrics.map_high, (1 + 1 + last) / 3);
  EXPECT_DOUBLE_EQ(metrics.precision_at.at(2), (1 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(metrics.recall_at.at(2), (1 + 0.5) / 3);
}

TEST(EvaluateEmbeddings, GradesGainsAgainstTheirBestOrder) {
  const MetricOptions options{.cutoffs = {2}};
  const Metrics metrics =
      evaluate_embeddings(at_cosines({1}), at_cosines({0.9F, 0.8F, 0.1F}), with_gains({{0, 3, 1}}), options);
  const double rank2 = 1 / std::log2(3.0);
  EXPECT_DOUBLE_EQ(metrics.ndcg_at.at(2), 3 * rank2 / (3 + rank2));
}

TEST(EvaluateEmbeddings, OfEqualRowsIsThatOfARandomOrder) {
  const RelevanceMatrix gains = with_gains({{1, 0, 0, 1, 0}, {0, 0, 0, 0, 0}});
  const MetricOptions options;
  const Metrics metrics =
      evaluate_embeddings(at_cosines({0.3F, 0.3F}), at_cosines({0.4F, 0.4F, 0.4F, 0.4F, 0.4F}), gains, options);
  EXPECT_DOUBLE_EQ(metrics.map, evaluate_random(gains, options).map);
  EXPECT_EQ(metrics.queries_without_relevant, 1U);
}

TEST(EvaluateEmbeddings, IsTheSameForAnyOrderOfTheDatabaseAndAnyNumberOfThreads) {
  Rng rng(4);
  constexpr std::size_t kItems = 60;
  std::vector<float> cosines(kItems);
  for (float& cosine : cosines) cosine = static_cast<float>(rng.below(9)) / 10;
  std::vector<std::uint8_t> gains(kItems);
  for (auto& gain : gains) gain = static_cast<std::uint8_t>(rng.below(3));
  const auto measure = [&] {
    return evaluate_embeddings(at_cosines({1, 0.2F}), at_cosines(cosines), with_gains({gains, gains}), {});
  };
  set_thread_count(1);
  const Metrics metrics = measure();
  std::ranges::reverse(cosines);
  std::ranges::reverse(gains);
  set_thread_count(3);
  const Metrics reversed = measure();
  set_thread_count(0);
  EXPECT_EQ(metrics.map, reversed.map);
  EXPECT_EQ(metrics.ndcg_at, reversed.ndcg_at);
}

}  // namespace
}  // namespace warifu
