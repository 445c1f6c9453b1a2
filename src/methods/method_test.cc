#include "methods/method.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "methods/synthetic_pairs_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

constexpr std::size_t kKinds = 5;

TrainOptions short_run() { return {.bits = {8, 16}, .seed = 3, .epochs = 4, .space = "s"}; }

// Each promise of method.h and encoder.h, for each method.
class EveryMethod : public testing::TestWithParam<std::string_view> {
 protected:
  std::unique_ptr<Encoder> trained(const TrainingSet& set, const std::filesystem::path& directory) {
    const auto report = train_method(GetParam(), set, short_run(), directory, progress_);
    EXPECT_TRUE(report.has_value()) << report.error().message;
    auto encoder = load_encoder(directory);
    EXPECT_TRUE(encoder.has_value()) << encoder.error().message;
    return std::move(*encoder);
  }

  SilentProgress progress_;
};

std::vector<CodeMatrix> codes_of(const Encoder& encoder, const std::vector<EncoderInput>& inputs, Modality modality) {
  auto codes = encoder.encode(inputs, modality);
  EXPECT_TRUE(codes.has_value()) << codes.error().message;
  return std::move(*codes);
}

TEST_P(EveryMethod, TrainsAllCodeLengthsInOneRun) {
  const TrainingSet set = synthetic_pairs(64, kKinds, 1);
  const auto encoder = trained(set, fresh_folder());
  ASSERT_EQ(encoder->spaces().size(), 2U);
  EXPECT_EQ(encoder->spaces()[0].bits, 8U);
  EXPECT_EQ(encoder->spaces()[1].bits, 16U);
  EXPECT_EQ(encoder->spaces()[0].fingerprint, encoder->spaces()[1].fingerprint);
  EXPECT_EQ(encoder->spaces()[0].name, "s");
  EXPECT_EQ(encoder->spaces()[0].method, GetParam());
  const auto codes = codes_of(*encoder, feature_inputs(set), Modality::kBoth);
  ASSERT_EQ(codes.size(), 2U);
  EXPECT_EQ(codes[1].bits(), 16U);
  EXPECT_EQ(codes[1].count(), 64U);
}

TEST_P(EveryMethod, GivesTheSameCodesForTheSameSeed) {
  const TrainingSet set = synthetic_pairs(64, kKinds, 1);
  const auto first = trained(set, fresh_folder());
  const auto second = trained(set, fresh_folder());
  EXPECT_EQ(first->spaces()[0].fingerprint, second->spaces()[0].fingerprint);
}

TEST_P(EveryMethod, GivesACodeThatDependsOnItsInputAlone) {
  const TrainingSet set = synthetic_pairs(70, kKinds, 1);
  const auto encoder = trained(set, fresh_folder());
  const auto inputs = feature_inputs(set);
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth}) {
    const CodeMatrix together = codes_of(*encoder, inputs, modality).back();
    for (const std::size_t batch : {1, 7, 64}) {
      CodeMatrix pieces;
      for (std::size_t begin = 0; begin < inputs.size(); begin += batch) {
        const auto end = std::min(inputs.size(), begin + batch);
        pieces.append(codes_of(*encoder,
                               {inputs.begin() + static_cast<std::ptrdiff_t>(begin),
                                inputs.begin() + static_cast<std::ptrdiff_t>(end)},
                               modality)
                          .back());
      }
      EXPECT_TRUE(std::ranges::equal(pieces.words(), together.words())) << "batches of " << batch;
    }
    auto turned = inputs;
    std::ranges::reverse(turned);
    const CodeMatrix backwards = codes_of(*encoder, turned, modality).back();
    for (std::size_t i = 0; i < inputs.size(); ++i)
      EXPECT_TRUE(std::ranges::equal(backwards.row(inputs.size() - 1 - i), together.row(i))) << "item " << i;
    auto exchanged = inputs;
    for (std::size_t i = 1; i < exchanged.size(); ++i) exchanged[i] = inputs[(i * 31) % 70];
    EXPECT_TRUE(std::ranges::equal(codes_of(*encoder, exchanged, modality).back().row(0), together.row(0)));
  }
}

TEST_P(EveryMethod, EncodesOneModalityWithoutTheOther) {
  const TrainingSet set = synthetic_pairs(64, kKinds, 1);
  const auto encoder = trained(set, fresh_folder());
  const auto inputs = feature_inputs(set);
  auto pictures_only = inputs;
  for (auto& input : pictures_only) input.text_features = {};
  std::vector<EncoderInput> few_texts(inputs.begin(), inputs.begin() + 3);
  for (auto& input : few_texts) input.image_features = {};
  EXPECT_TRUE(std::ranges::equal(codes_of(*encoder, pictures_only, Modality::kImage)[0].words(),
                                 codes_of(*encoder, inputs, Modality::kImage)[0].words()));
  EXPECT_EQ(codes_of(*encoder, few_texts, Modality::kText)[0].count(), 3U);
  const auto both = encoder->encode(pictures_only, Modality::kBoth);
  if (encoder->bears_missing_half()) {
    ASSERT_TRUE(both.has_value()) << both.error().message;
    EXPECT_EQ((*both)[0].count(), inputs.size());
    return;
  }
  ASSERT_FALSE(both.has_value());
  EXPECT_EQ(both.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(both.error().message, HasSubstr("input 0 has no text"));
}

TEST_P(EveryMethod, SaysWhatIsWrongWithAnInput) {
  const TrainingSet set = synthetic_pairs(64, kKinds, 1);
  const auto encoder = trained(set, fresh_folder());
  EXPECT_FALSE(encoder->encodes_raw(Modality::kText));
  auto inputs = feature_inputs(set);
  inputs[2].image_features = inputs[2].image_features.first(5);
  const auto narrow = encoder->encode(inputs, Modality::kImage);
  ASSERT_FALSE(narrow.has_value());
  EXPECT_EQ(narrow.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(narrow.error().message, HasSubstr("input 2 has 5"));
  EncoderInput raw;
  raw.text = "a cat";
  const auto unknown = encoder->encode({&raw, 1}, Modality::kText);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::kIncompatible);
}

TEST_P(EveryMethod, EncodesNothingAsNothing) {
  const auto encoder = trained(synthetic_pairs(64, kKinds, 1), fresh_folder());
  EXPECT_EQ(codes_of(*encoder, {}, Modality::kBoth)[0].count(), 0U);
}

TEST_P(EveryMethod, LearnsFromEightPairsWithNothingHeldOut) {
  TrainingSet set = synthetic_pairs(8, 2, 1);
  set.train.insert(set.train.end(), set.validation.begin(), set.validation.end());
  set.validation.clear();
  const auto directory = fresh_folder();
  ASSERT_TRUE(train_method(GetParam(), set, short_run(), directory, progress_).has_value());
  EXPECT_TRUE(load_encoder(directory).has_value());
}

TEST_P(EveryMethod, RefusesOnePair) {
  TrainingSet set = synthetic_pairs(8, 2, 1);
  set.train = {0};
  const auto report = train_method(GetParam(), set, short_run(), fresh_folder(), progress_);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
}

TEST_P(EveryMethod, RefusesFeaturesThatAreNoNumbers) {
  TrainingSet set = synthetic_pairs(64, kKinds, 1);
  set.text.features.row(5)[0] = std::numeric_limits<float>::quiet_NaN();
  const auto report = train_method(GetParam(), set, short_run(), fresh_folder(), progress_);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod, testing::ValuesIn(method_names().begin(), method_names().end()),
                         [](const auto& method) {
                           std::string name(method.param);
                           std::erase(name, '-');
                           return name;
                         });

TEST(TrainMethod, ListsTheMethodsForAnUnknownName) {
  SilentProgress progress;
  const auto report = train_method("magic", synthetic_pairs(8, 2, 1), short_run(), fresh_folder(), progress);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(report.error().hint, HasSubstr("contrastive, ccl, prompthash, dmmh, dlch, cca-itq"));
}

TEST(TrainMethod, RefusesBitsThatAreNoLengths) {
  SilentProgress progress;
  for (const std::vector<std::uint32_t>& bits : {std::vector<std::uint32_t>{}, {0, 8}, {8, 8}, {5000}}) {
    TrainOptions options = short_run();
    options.bits = bits;
    const auto report = train_method("cca-itq", synthetic_pairs(32, 2, 1), options, fresh_folder(), progress);
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(TrainMethod, RefusesHalvesOfDifferentCounts) {
  SilentProgress progress;
  TrainingSet set = synthetic_pairs(32, 2, 1);
  set.text.features = FloatMatrix(31, 20);
  const auto report = train_method("contrastive", set, short_run(), fresh_folder(), progress);
  ASSERT_FALSE(report.has_value());
  EXPECT_THAT(report.error().message, HasSubstr("31 inputs for 32"));
}

TEST(LoadEncoder, SaysWhenThereIsNoSpace) {
  const auto encoder = load_encoder(fresh_folder());
  ASSERT_FALSE(encoder.has_value());
  EXPECT_EQ(encoder.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace warifu
