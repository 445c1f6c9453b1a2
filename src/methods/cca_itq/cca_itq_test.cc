#include "methods/cca_itq/cca_itq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "methods/synthetic_pairs_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

torch::Tensor centred(const torch::Tensor& rows) { return rows - rows.mean(0); }

TEST(CanonicalDirections, FindTheOneSharedSignal) {
  torch::manual_seed(1);
  const auto shared = torch::randn({2000, 1}, torch::kFloat64);
  // The signal lies in column 1 of the pictures and, turned round, in column 0 of the texts.
  const auto image = centred(torch::cat({torch::randn({2000, 1}, torch::kFloat64), 3 * shared}, 1));
  const auto text = centred(torch::cat({-shared, torch::randn({2000, 2}, torch::kFloat64)}, 1));
  const auto directions = canonical_directions(image, text, 2, 1e-9);
  EXPECT_NEAR(directions.correlations[0].item<double>(), 1.0, 1e-6);
  EXPECT_LT(directions.correlations[1].item<double>(), 0.1);
  EXPECT_NEAR(directions.image[0][0].item<double>(), 0, 1e-4);
  const auto a = image.mm(directions.image.narrow(1, 0, 1));
  const auto b = text.mm(directions.text.narrow(1, 0, 1));
  EXPECT_TRUE(torch::allclose(a, b, 1e-4, 1e-4));  // same signal, same sign, unit variance
  EXPECT_NEAR(a.pow(2).mean().item<double>(), 1.0, 1e-4);
}

TEST(CanonicalDirections, StayFiniteForColumnsThatNeverChange) {
  auto image = torch::randn({50, 4}, torch::kFloat64);
  image.select(1, 2).fill_(7);
  const auto text = torch::zeros({50, 3}, torch::kFloat64);
  const auto directions = canonical_directions(centred(image), text, 3, 1.0);
  EXPECT_TRUE(directions.image.isfinite().all().item<bool>());
  EXPECT_TRUE(directions.text.isfinite().all().item<bool>());
}

double gap_to_signs(const torch::Tensor& values) {
  return (values - (values.ge(0).to(torch::kFloat64) * 2 - 1)).pow(2).mean().item<double>();
}

TEST(ItqRotation, IsARotationThatBringsValuesNearTheirSigns) {
  torch::manual_seed(2);
  const auto turn = std::get<0>(at::linalg_qr(torch::randn({8, 8}, torch::kFloat64)));
  const auto corners = torch::randn({500, 8}, torch::kFloat64).ge(0).to(torch::kFloat64) * 2 - 1;
  const auto values = (corners + 0.05 * torch::randn({500, 8}, torch::kFloat64)).mm(turn);
  const auto rotation = itq_rotation(values, 50, 1);
  EXPECT_TRUE(torch::allclose(rotation.mm(rotation.t()), torch::eye(8, torch::kFloat64), 1e-9, 1e-9));
  EXPECT_LT(gap_to_signs(values.mm(rotation)), gap_to_signs(values.mm(itq_rotation(values, 0, 1))) / 2);
  EXPECT_LE(gap_to_signs(values.mm(rotation)), gap_to_signs(values.mm(itq_rotation(values, 5, 1))) + 1e-12);
}

TEST(CcaItq, MatchesPicturesAndTextsOfTheSameKind) {
  const TrainingSet set = synthetic_pairs(120, 4, 1);
  SilentProgress progress;
  const auto directory = fresh_folder();
  const auto report = train_cca_itq(set, {.bits = {8, 16}, .seed = 1, .space = "s"}, directory, progress);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_GT(report->validation_score, 0.5);
  const auto encoder = load_encoder(directory);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  EXPECT_GT(matching_share(**encoder, set, 4), 0.9);  // by chance 0.25
}

TEST(CcaItq, StillMatchesWhenStrongDirectionsCountMore) {
  const TrainingSet set = synthetic_pairs(120, 4, 1);
  SilentProgress progress;
  const auto plain = fresh_folder();
  const auto weighted = fresh_folder();
  ASSERT_TRUE(train_cca_itq(set, {.bits = {16}, .seed = 1, .space = "s"}, plain, progress));
  ASSERT_TRUE(train_cca_itq(set,
                            {.bits = {16}, .seed = 1, .space = "s", .settings = {"ridge=1", "correlation_power=4"}},
                            weighted, progress));
  const auto encoder = load_encoder(weighted);
  ASSERT_TRUE(encoder);
  EXPECT_GT(matching_share(**encoder, set, 4), 0.9);
  EXPECT_NE((*encoder)->spaces()[0].fingerprint, load_encoder(plain).value()->spaces()[0].fingerprint);
}

TEST(CcaItq, RefusesMoreBitsThanThereAreDirections) {
  SilentProgress progress;
  const auto report =
      train_cca_itq(synthetic_pairs(64, 4, 1), {.bits = {16, 32}, .space = "s"}, fresh_folder(), progress);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(report.error().message, HasSubstr("32 bits"));
  EXPECT_THAT(report.error().hint, HasSubstr("20"));
}

TEST(CcaItq, RefusesATrainedTowerAndSaysWhatToChoose) {
  TrainingSet set = synthetic_pairs(16, 4, 1);
  set.text.features = {};
  set.text.texts.assign(16, "a cat");
  set.text.tower.name = "small";
  SilentProgress progress;
  const auto report = train_cca_itq(set, {.bits = {8}, .space = "s"}, fresh_folder(), progress);
  ASSERT_FALSE(report.has_value());
  EXPECT_THAT(report.error().message, HasSubstr("'small'"));
  EXPECT_THAT(report.error().hint, HasSubstr("bow"));
}

}  // namespace
}  // namespace warifu
