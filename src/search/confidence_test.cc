#include "search/confidence.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/fresh_folder_for_test.h"
#include "base/rng.h"

namespace warifu {
namespace {

using Example = ConfidenceModel::Example;

// Hits whose chance of being right falls with their distance: p = 1 / (1 + exp(20 d - 6)).
double true_probability(double distance) { return 1 / (1 + std::exp(20 * distance - 6)); }

std::vector<Example> drawn_hits(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<Example> examples;
  for (std::size_t i = 0; i < count; ++i) {
    HitEvidence evidence{.distance = rng.uniform(), .nearest = 0.1, .words = 0, .asked_by_text = true};
    const bool right = rng.uniform() < true_probability(evidence.distance);
    examples.push_back({evidence, right});
  }
  return examples;
}

TEST(Confidence, LearnsHowTheChanceOfBeingRightFallsWithTheDistance) {
  const auto model = ConfidenceModel::fit(drawn_hits(20000, 1));
  ASSERT_TRUE(model);
  for (const double distance : {0.1, 0.3, 0.5})
    EXPECT_NEAR(*model->probability({.distance = distance, .nearest = 0.1, .asked_by_text = true}),
                true_probability(distance), 0.05)
        << distance;
}

TEST(Confidence, OnHitsItHasNotSeenPredictedAndObservedAgree) {
  const auto model = ConfidenceModel::fit(drawn_hits(5000, 2));
  ASSERT_TRUE(model);
  const auto curve = reliability(*model, drawn_hits(20000, 3));
  EXPECT_GE(curve.size(), 5U);
  EXPECT_LT(expected_calibration_error(curve), 0.02);
}

TEST(Confidence, HitsThatCanBeSeparatedGiveFiniteProbabilities) {
  std::vector<Example> examples;
  for (int i = 0; i < 100; ++i)
    examples.push_back({{.distance = i < 50 ? 0.1 : 0.4, .nearest = 0.1, .asked_by_picture = true}, i < 50});
  const auto model = ConfidenceModel::fit(examples);
  ASSERT_TRUE(model);
  const double near = *model->probability({.distance = 0.1, .nearest = 0.1, .asked_by_picture = true});
  EXPECT_TRUE(std::isfinite(near));
  EXPECT_GT(near, 0.7);
  EXPECT_FALSE(model->probability({.asked_by_text = true})) << "no query of words was learnt from";
}

TEST(Confidence, WithoutRightOrWithoutWrongHitsThereIsNothingToLearn) {
  const std::vector<Example> all_right(10, Example{{.asked_by_text = true}, true});
  EXPECT_EQ(ConfidenceModel::fit(all_right).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ConfidenceModel::fit({}).error().code, ErrorCode::kNotFound);
}

TEST(Confidence, IsTheSameAfterItWasSavedAndLoaded) {
  const auto folder = fresh_folder();
  auto model = ConfidenceModel::fit(drawn_hits(500, 4)).value();
  model.word_weight = 0.25;
  model.fingerprint = "abc";
  ASSERT_TRUE(model.save(folder / "confidence.json"));
  const auto loaded = ConfidenceModel::load(folder / "confidence.json");
  ASSERT_TRUE(loaded);
  const HitEvidence evidence{.distance = 0.2, .nearest = 0.1, .words = 0.5, .asked_by_text = true};
  EXPECT_EQ(model.probability(evidence), loaded->probability(evidence));
  EXPECT_EQ(loaded->word_weight, 0.25);
  EXPECT_EQ(loaded->fingerprint, "abc");
  EXPECT_EQ(ConfidenceModel::load(folder / "none.json").error().code, ErrorCode::kNotFound);
}

TEST(Confidence, IsSaidInThreeWords) {
  EXPECT_EQ(confidence_name(confidence_of(0.9)), "likely");
  EXPECT_EQ(confidence_name(confidence_of(0.5)), "unsure");
  EXPECT_EQ(confidence_name(confidence_of(0.1)), "weak");
}

TEST(Confidence, TheCalibrationErrorOfAHandWorkedCurve) {
  const std::vector<ReliabilityBin> curve = {{.predicted = 0.2, .observed = 0.1, .hits = 3},
                                             {.predicted = 0.9, .observed = 0.8, .hits = 1}};
  EXPECT_NEAR(expected_calibration_error(curve), 0.1, 1e-12);
}

}  // namespace
}  // namespace warifu
