#include "methods/dmmh/dmmh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/file.h"
#include "methods/dmmh/train.h"
#include "methods/stopping_progress_for_test.h"
#include "methods/synthetic_pairs_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

TrainOptions small_options(std::vector<std::string> more) {
  TrainOptions options{.bits = {8, 16}, .seed = 3, .space = "s"};
  options.settings = {"batch=16", "hidden=32",         "tokens=4",         "width=8",
                      "epochs=8", "image_dropout=0.1", "text_dropout=0.1", "hidden_dropout=0.1"};
  options.settings.insert(options.settings.end(), more.begin(), more.end());
  return options;
}

DmmhSettings small_settings(int epochs) {
  DmmhSettings settings;
  settings.batch = 16;
  settings.hidden = 32;
  settings.tokens = 4;
  settings.width = 8;
  settings.epochs = epochs;
  return settings;
}

std::unique_ptr<Encoder> trained(const TrainingSet& set, const TrainOptions& options) {
  SilentProgress progress;
  const auto directory = fresh_folder();
  const auto report = train_dmmh(set, options, directory, progress);
  EXPECT_TRUE(report.has_value()) << report.error().message;
  auto encoder = load_encoder(directory);
  EXPECT_TRUE(encoder.has_value()) << encoder.error().message;
  return std::move(*encoder);
}

// How many bits two rows share, of the last length.
std::size_t shared(const CodeMatrix& a, std::size_t i, const CodeMatrix& b, std::size_t j) {
  std::size_t count = 0;
  for (std::size_t k = 0; k < a.bits(); ++k) count += a.bit(i, k) == b.bit(j, k);
  return count;
}

// Of the codes of items of five kinds (i % 5), the share whose nearest other is of the same kind.
double neighbours_alike(const CodeMatrix& codes) {
  std::size_t alike = 0;
  for (std::size_t i = 0; i < codes.count(); ++i) {
    std::size_t best = i == 0 ? 1 : 0;
    for (std::size_t j = 0; j < codes.count(); ++j)
      if (j != i && shared(codes, i, codes, j) > shared(codes, i, codes, best)) best = j;
    alike += best % 5 == i % 5;
  }
  return static_cast<double>(alike) / static_cast<double>(codes.count());
}

TEST(Dmmh, GivesItemsOfOneLabelNearCodesWhateverHalvesTheyHave) {
  const TrainingSet set = synthetic_pairs(160, 5, 1);
  const auto encoder = trained(set, small_options({}));
  EXPECT_TRUE(encoder->bears_missing_half());
  auto inputs = feature_inputs(set);
  EXPECT_GT(neighbours_alike(encoder->encode(inputs, Modality::kBoth).value().back()), 0.9);  // by chance 0.2
  // A third lacks the picture, a third the text.
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i % 3 == 0) inputs[i].image_features = {};
    if (i % 3 == 1) inputs[i].text_features = {};
  }
  EXPECT_GT(neighbours_alike(encoder->encode(inputs, Modality::kBoth).value().back()), 0.8);
}

TEST(Dmmh, CodeOfAnItemWithOneHalfIsThatOfTheHalf) {
  const TrainingSet set = synthetic_pairs(64, 5, 1);
  const auto encoder = trained(set, small_options({"epochs=2"}));
  auto inputs = feature_inputs(set);
  const auto images = encoder->encode(inputs, Modality::kImage).value();
  const auto texts = encoder->encode(inputs, Modality::kText).value();
  const auto both = encoder->encode(inputs, Modality::kBoth).value();
  for (std::size_t i = 0; i < inputs.size(); i += 2) inputs[i].text_features = {};
  const auto mixed = encoder->encode(inputs, Modality::kBoth).value();
  for (std::size_t i = 0; i < inputs.size(); ++i)
    EXPECT_EQ(shared(mixed[1], i, i % 2 == 0 ? images[1] : both[1], i), 16U) << i;
  for (auto& input : inputs) input.image_features = {};
  inputs[0].text_features = set.text.features.row(0);
  const auto refused = encoder->encode(inputs, Modality::kBoth);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("input 2 has neither a picture nor a text"));
  EXPECT_EQ(shared(encoder->encode({inputs.data(), 1}, Modality::kBoth).value()[1], 0, texts[1], 0), 16U);
  EXPECT_FALSE(encoder->encode(inputs, Modality::kImage).has_value());
}

TEST(Dmmh, ContinuesAnInterruptedRunToTheSameModel) {
  TrainingSet set = synthetic_pairs(96, 4, 1);
  set.validation.clear();  // so that the last epoch is kept
  const TrainOptions options{.bits = {8, 16}, .seed = 3, .space = "s"};
  SilentProgress silent;
  const auto uninterrupted = fit_dmmh(set, options, small_settings(5), fresh_folder(), silent);
  ASSERT_TRUE(uninterrupted.has_value()) << uninterrupted.error().message;
  const auto broken = fresh_folder();
  constexpr std::size_t kStepsAnEpoch = 6;  // 84 pairs in batches of at most 16
  StoppingProgress stopping(3 * kStepsAnEpoch);
  ASSERT_FALSE(fit_dmmh(set, options, small_settings(5), broken, stopping).has_value());
  StoppingProgress last(1000);
  const auto continued = fit_dmmh(set, options, small_settings(5), broken, last);
  ASSERT_TRUE(continued.has_value());
  EXPECT_THAT(last.notes, HasSubstr("continued after epoch 3"));
  EXPECT_TRUE(same_model(*uninterrupted->model, *continued->model));
}

TEST(Dmmh, KeepsTheShortestLengthThatLosesNoMoreThanAllowed) {
  const TrainingSet set = synthetic_pairs(160, 5, 1);
  SilentProgress progress;
  auto options = small_options({"epochs=3"});
  options.bits = {2, 8, 16};
  const auto directory = fresh_folder();
  options.bits_tolerance = 1;  // anything will do
  const auto any = train_dmmh(set, options, directory, progress);
  ASSERT_TRUE(any.has_value()) << any.error().message;
  EXPECT_EQ(any->bits, std::vector<std::uint32_t>{2});
  EXPECT_EQ(any->validation_by_bits.size(), 3U);
  const auto encoder = load_encoder(directory);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  ASSERT_EQ((*encoder)->spaces().size(), 1U);
  EXPECT_EQ((*encoder)->spaces()[0].bits, 2U);
  options.bits_tolerance = 0;
  const auto best = train_dmmh(set, options, fresh_folder(), progress);
  ASSERT_TRUE(best.has_value());
  const auto& curve = best->validation_by_bits;
  for (const auto& [bits, map] : curve)
    EXPECT_TRUE(map < curve.at(best->bits[0]) || (map == curve.at(best->bits[0]) && bits >= best->bits[0]));
}

TEST(Dmmh, TheKeptLengthHasTheCodesThatWereMeasured) {
  const TrainingSet set = synthetic_pairs(96, 4, 1);
  SilentProgress progress;
  auto options = small_options({"epochs=2"});
  const auto all = fresh_folder(), one = fresh_folder();
  ASSERT_TRUE(train_dmmh(set, options, all, progress).has_value());
  options.bits_tolerance = 1;
  ASSERT_TRUE(train_dmmh(set, options, one, progress).has_value());
  const auto inputs = feature_inputs(set);
  const auto of_all = load_encoder(all).value()->encode(inputs, Modality::kBoth).value();
  const auto of_one = load_encoder(one).value()->encode(inputs, Modality::kBoth).value();
  for (std::size_t i = 0; i < inputs.size(); ++i) EXPECT_EQ(shared(of_all[0], i, of_one[0], i), 8U);
}

TEST(Dmmh, RefusesToChooseALengthByNothing) {
  TrainingSet set = synthetic_pairs(64, 4, 1);
  set.validation.clear();
  SilentProgress progress;
  auto options = small_options({"epochs=1"});
  options.bits_tolerance = 0.01;
  const auto refused = train_dmmh(set, options, fresh_folder(), progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("no length can be chosen"));
}

TEST(Dmmh, WhereNoTwoItemsShareALabelOfEveryColumnTheLastEpochIsKept) {
  TrainingSet set = synthetic_pairs(64, 4, 1);
  set.column_of_value.assign(set.label_values, 0);
  for (auto& labels : set.labels) {  // a second column, a name of its own for each item
    labels.push_back(static_cast<std::uint32_t>(set.label_values++));
    set.column_of_value.push_back(1);
    if (!set.label_names.empty()) set.label_names.push_back("name=" + std::to_string(set.label_values));
  }
  SilentProgress progress;
  auto options = small_options({"epochs=2"});
  const auto report = train_dmmh(set, options, fresh_folder(), progress);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_THAT(report->validation_criterion, HasSubstr("last epoch was kept"));
  EXPECT_TRUE(report->validation_by_bits.empty());
  options.bits_tolerance = 0.01;
  const auto directory = fresh_folder();
  EXPECT_THAT(train_dmmh(set, options, directory, progress).error().message, HasSubstr("no length can be chosen"));
  EXPECT_FALSE(std::filesystem::exists(directory / "train-log.jsonl")) << "refused after training";
}

TEST(Dmmh, WithoutLabelsSaysWhatElseToUse) {
  SilentProgress progress;
  TrainingSet none = synthetic_pairs(32, 4, 1);
  none.label_values = 0;
  for (auto& labels : none.labels) labels.clear();
  const auto refused = train_dmmh(none, small_options({}), fresh_folder(), progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("learns from labels"));
  EXPECT_THAT(refused.error().hint, HasSubstr("contrastive"));
}

TEST(Dmmh, RefusesAModelWhoseSizesAreNotThoseOfItsWeights) {
  const TrainingSet set = synthetic_pairs(32, 4, 1);
  SilentProgress progress;
  const auto directory = fresh_folder();
  ASSERT_TRUE(train_dmmh(set, small_options({"epochs=1"}), directory, progress).has_value());
  const auto whole = read_text_file(directory / "model.json", 1 << 20).value();
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = whole;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_TRUE(write_file_atomically(directory / "model.json", std::string_view(changed)).has_value());
    const auto refused = load_encoder(directory);
    EXPECT_FALSE(refused.has_value()) << to;
    return refused.has_value() ? std::string() : refused.error().message;
  };
  EXPECT_THAT(with("\"width\": \"8\"", "\"width\": \"4096\""), HasSubstr("not of the size"));
  EXPECT_THAT(with("\"tokens\": \"4\"", "\"tokens\": \"4096\""), HasSubstr("not of the size"));
  EXPECT_THAT(with("\"layers\": \"1\"", "\"layers\": \"9\""), HasSubstr("not of the size"));
  EXPECT_THAT(with("\"fusion\": \"gated\"", "\"fusion\": \"concatenation\""), HasSubstr("not of the size"));
  EXPECT_THAT(with("\"hidden\": \"32\"", "\"hidden\": \"some\""), HasSubstr("hidden"));
}

TEST(Dmmh, EveryFusionLearnsAndIsLoaded) {
  const TrainingSet set = synthetic_pairs(80, 5, 1);
  for (const char* fusion : {"fusion=additive", "fusion=concatenation"}) {
    const auto encoder = trained(set, small_options({fusion}));
    EXPECT_GT(neighbours_alike(encoder->encode(feature_inputs(set), Modality::kBoth).value().back()), 0.8) << fusion;
  }
}

TEST(Dmmh, LearnsFromPixelsAndLetters) {
  const TrainingSet set = coloured_pairs(24, fresh_folder() / "pieces.model");
  const auto encoder = trained(set, small_options({"epochs=3"}));
  EXPECT_TRUE(encoder->encodes_raw(Modality::kBoth));
  EncoderInput input;
  input.picture = &set.image.pictures[0];
  EXPECT_EQ(encoder->encode({&input, 1}, Modality::kBoth).value()[0].count(), 1U);
  input.text = set.text.texts[0];
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth})
    EXPECT_EQ(encoder->encode({&input, 1}, modality).value()[0].count(), 1U);
}

}  // namespace
}  // namespace warifu
