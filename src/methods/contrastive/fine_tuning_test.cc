// Whole runs that go on from a trained space.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/file.h"
#include "methods/contrastive/contrastive.h"
#include "methods/contrastive/train.h"
#include "methods/space_model.h"
#include "methods/stopping_progress_for_test.h"
#include "methods/synthetic_pairs_for_test.h"
#include "nn/tensor_io.h"

namespace warifu {
namespace {

using testing::HasSubstr;

NamedTensors weights_in(const std::filesystem::path& space) {
  auto tensors = load_tensors(space / kWeightsFile);
  EXPECT_TRUE(tensors.has_value());
  return std::move(*tensors);
}

bool is_head(const std::string& name) { return name.find(".layer1.") != std::string::npos; }
bool is_weight(const std::string& name) { return name.find(".layer") != std::string::npos; }

// Largest gap over the weights that both have.
double gap(const NamedTensors& a, const NamedTensors& b) {
  double largest = 0;
  for (const auto& [name, tensor] : a)
    if (is_weight(name)) largest = std::max(largest, (tensor - b.at(name)).abs().max().item<double>());
  return largest;
}

class FineTuning : public testing::Test {
 protected:
  FineTuning() : set_(synthetic_pairs(96, 4, 1)), other_(synthetic_pairs(96, 4, 7)) {
    start_ = trained(set_, {"epochs=3"});
  }

  TrainOptions options(std::vector<std::string> settings, const std::filesystem::path& start = {}) const {
    settings.insert(settings.begin(), "batch=16");
    if (start.empty()) settings.insert(settings.begin(), "hidden=32");
    return {.bits = {8, 16}, .seed = seed_, .epochs = 0, .space = "s", .settings = settings, .start_from = start};
  }

  // A space trained on `set`, in a folder of its own.
  std::filesystem::path trained(const TrainingSet& set, const std::vector<std::string>& settings,
                                const std::filesystem::path& start = {}) {
    const auto directory = fresh_folder();
    const auto report = train_contrastive(set, options(settings, start), directory, progress_);
    EXPECT_TRUE(report.has_value()) << report.error().message;
    if (report) report_ = *report;
    return directory;
  }

  // Writes a whole, well-hashed space whose weights are `tensors` over the start.
  void replace_start_weights(const NamedTensors& tensors) {
    SpaceModel model = read_space_model(start_).value();
    ASSERT_TRUE(save_tensors(start_ / kWeightsFile, tensors).has_value());
    ASSERT_TRUE(write_space_model(start_, model).has_value());
  }

  Error refused(const TrainingSet& set, const TrainOptions& options) {
    const auto report = train_method("contrastive", set, options, fresh_folder(), progress_);
    EXPECT_FALSE(report.has_value());
    return report ? Error{} : report.error();
  }

  std::vector<CodeMatrix> codes_of(const std::filesystem::path& space, const TrainingSet& set, Modality modality) {
    return load_encoder(space).value()->encode(feature_inputs(set), modality).value();
  }

  std::uint64_t seed_ = 3;
  StoppingProgress progress_{100000};
  TrainReport report_;
  TrainingSet set_;
  TrainingSet other_;  // other pairs of other kinds
  std::filesystem::path start_;
};

TEST_F(FineTuning, GivesTheCodesOfTheStartWhereNothingIsLearnt) {
  const auto same = trained(other_, {"epochs=1", "learning_rate=0"}, start_);
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth}) {
    const auto before = codes_of(start_, other_, modality);
    const auto after = codes_of(same, other_, modality);
    for (std::size_t k = 0; k < before.size(); ++k)
      EXPECT_TRUE(std::ranges::equal(before[k].words(), after[k].words()));
  }
}

TEST_F(FineTuning, GoesOnFromWhatWasLearnt) {
  seed_ = 4;  // the same one would draw the same weights to begin with
  const auto anew = trained(other_, {"epochs=1"});
  EXPECT_GT(gap(weights_in(anew), weights_in(start_)), 0.1);
  const auto tuned = trained(other_, {"epochs=1"}, start_);
  EXPECT_LT(gap(weights_in(tuned), weights_in(start_)), 0.05);
  EXPECT_GT(gap(weights_in(tuned), weights_in(start_)), 0);
}

TEST_F(FineTuning, KeepsTheStandardisationAndTheTemperatureOfTheStart) {
  const auto tuned = weights_in(trained(other_, {"epochs=1", "learning_rate=0"}, start_));
  for (const char* name : {"image.mean", "image.scale", "text.mean", "text.scale"})
    EXPECT_TRUE(tuned.at(name).equal(weights_in(start_).at(name))) << name;
  EXPECT_NEAR(tuned.at("log_temperature").item<double>(), weights_in(start_).at("log_temperature").item<double>(),
              1e-6);
  const auto chosen = weights_in(trained(other_, {"epochs=1", "learning_rate=0", "temperature=0.3"}, start_));
  EXPECT_NEAR(chosen.at("log_temperature").item<double>(), std::log(0.3), 1e-6);
}

TEST_F(FineTuning, KeepsTheWeightsWhereTheyArePulledBackWithFullStrength) {
  const auto held = trained(other_, {"epochs=3", "start_decay=1e12"}, start_);
  EXPECT_EQ(gap(weights_in(held), weights_in(start_)), 0);
}

TEST_F(FineTuning, StaysTheNearerTheHarderItIsPulledBack) {
  const auto start = weights_in(start_);
  const double free = gap(weights_in(trained(other_, {"epochs=3"}, start_)), start);
  const double pulled = gap(weights_in(trained(other_, {"epochs=3", "start_decay=300"}, start_)), start);
  EXPECT_LT(pulled, free / 2);
  EXPECT_GT(pulled, 0);
}

TEST_F(FineTuning, LetsTheHeadsAloneLearnInTheFirstEpochs) {
  const auto start = weights_in(start_);
  const auto heads = weights_in(trained(other_, {"epochs=2", "head_epochs=2"}, start_));
  for (const auto& [name, tensor] : heads) {
    if (name == "log_temperature") {  // kept as the temperature, not as its logarithm
      EXPECT_NEAR(tensor.item<double>(), start.at(name).item<double>(), 1e-6);
    } else {
      EXPECT_EQ(tensor.equal(start.at(name)), !is_head(name)) << name;
    }
  }
  TrainingSet none_held_out = other_;  // so that the last epoch is kept
  none_held_out.validation.clear();
  const auto all = weights_in(trained(none_held_out, {"epochs=3", "head_epochs=2"}, start_));
  const auto slower = weights_in(trained(none_held_out, {"epochs=3", "head_epochs=2", "tune_rate=0"}, start_));
  for (const char* name : {"image.layer0.weight", "text.layer0.bias"}) {
    EXPECT_FALSE(all.at(name).equal(start.at(name))) << name;
    EXPECT_TRUE(slower.at(name).equal(start.at(name))) << name;
  }
}

TEST_F(FineTuning, MixesTheStartAndTheTunedWeights) {
  const auto start = weights_in(start_);
  const auto tuned = weights_in(trained(other_, {"epochs=2"}, start_));
  const double tuned_score = report_.validation_score;
  EXPECT_EQ(gap(weights_in(trained(other_, {"epochs=2", "interpolation=1"}, start_)), tuned), 0);
  EXPECT_EQ(report_.validation_score, tuned_score);
  const auto half = weights_in(trained(other_, {"epochs=2", "interpolation=0.5"}, start_));
  for (const auto& [name, tensor] : half)
    if (is_weight(name)) {
      EXPECT_TRUE(torch::allclose(tensor, (start.at(name) + tuned.at(name)) / 2, 0, 1e-6)) << name;
    }
  EXPECT_EQ(gap(weights_in(trained(other_, {"epochs=2", "interpolation=0"}, start_)), start), 0);
}

TEST_F(FineTuning, ReportsTheScoreOfTheMixedModel) {
  trained(other_, {"epochs=4", "interpolation=0"}, start_);
  const double mixed = report_.validation_score;
  trained(other_, {"epochs=1", "learning_rate=0"}, start_);  // validates the start itself
  EXPECT_EQ(mixed, report_.validation_score);
  trained(other_, {"epochs=4"}, start_);
  EXPECT_NE(mixed, report_.validation_score);
}

TEST_F(FineTuning, LearnsLengthsAfreshThatTheStartLacks) {
  TrainOptions wider = options({"epochs=1", "learning_rate=0"}, start_);
  wider.bits = {16, 24};
  const auto directory = fresh_folder();
  ASSERT_TRUE(train_contrastive(set_, wider, directory, progress_).has_value());
  EXPECT_THAT(progress_.notes, HasSubstr("no codes of 24 bits"));
  EXPECT_THAT(progress_.notes, testing::Not(HasSubstr("no codes of 16 bits")));
  const auto before = codes_of(start_, set_, Modality::kImage);
  const auto after = codes_of(directory, set_, Modality::kImage);
  EXPECT_TRUE(std::ranges::equal(before[1].words(), after[0].words()));  // 16 bits of both
}

TEST_F(FineTuning, ContinuesAnInterruptedRunToTheSameModel) {
  const std::vector<std::string> settings = {"epochs=4",          "head_epochs=2",      "start_decay=5",
                                             "interpolation=0.7", "label_schedule=few", "label_limit=20"};
  const auto whole = trained(other_, settings, start_);
  const double score = report_.validation_score;
  const auto broken = fresh_folder();
  constexpr std::size_t kStepsAnEpoch = 6;  // 84 pairs in batches of at most 16
  for (const std::size_t stop_after : {1, 3}) {
    StoppingProgress stopping(stop_after * kStepsAnEpoch);
    ASSERT_FALSE(train_contrastive(other_, options(settings, start_), broken, stopping).has_value());
  }
  StoppingProgress last(100000);
  const auto continued = train_contrastive(other_, options(settings, start_), broken, last);
  ASSERT_TRUE(continued.has_value());
  EXPECT_THAT(last.notes, HasSubstr("continued after epoch 3"));
  EXPECT_EQ(gap(weights_in(whole), weights_in(broken)), 0);
  EXPECT_EQ(score, continued->validation_score);
}

TEST_F(FineTuning, DoesNotContinueARunFromAnotherStart) {
  const auto broken = fresh_folder();
  StoppingProgress stopping(12);
  ASSERT_FALSE(
      train_contrastive(other_, options({"epochs=4", "temperature=0.4"}, start_), broken, stopping).has_value());
  const auto another = trained(set_, {"epochs=1"});
  StoppingProgress last(100000);
  ASSERT_TRUE(train_contrastive(other_, options({"epochs=4", "temperature=0.4"}, another), broken, last).has_value());
  EXPECT_THAT(last.notes, testing::Not(HasSubstr("continued")));
}

TEST_F(FineTuning, SaysWhereTheStartIsOfOtherFeatures) {
  TrainingSet narrow = set_;
  narrow.text.features = FloatMatrix(96, 7);
  const Error width = refused(narrow, options({}, start_));
  EXPECT_EQ(width.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(width.message, HasSubstr("7 text features; the start was trained on 20"));
  TrainingSet through_other = set_;
  through_other.image.tower.name = "classic";
  const Error tower = refused(through_other, options({}, start_));
  EXPECT_EQ(tower.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(tower.message, HasSubstr("'classic'; the start was trained through 'given'"));
}

TEST_F(FineTuning, SaysWhereTheHiddenLayerIsAnother) {
  const Error error = refused(set_, options({"hidden=64"}, start_));
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("hidden=64; the start has a hidden layer of 32"));
}

TEST_F(FineTuning, SaysWhereTheStartIsDamaged) {
  EXPECT_EQ(refused(set_, options({}, fresh_folder())).code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_file_atomically(start_ / kWeightsFile, std::string_view("torn")).has_value());
  const Error error = refused(set_, options({}, start_));
  EXPECT_EQ(error.code, ErrorCode::kIncompatible);
  EXPECT_THAT(error.message, HasSubstr("model.safetensors is not the file that was trained"));
}

TEST_F(FineTuning, SaysWhichTensorOfTheStartIsMissingOrDoesNotFit) {
  NamedTensors tensors = weights_in(start_);
  tensors["text.layer1.weight"] = torch::zeros({24, 5});  // 8 and 16 bits, of a hidden layer of 32
  replace_start_weights(tensors);
  const Error shape = refused(set_, options({}, start_));
  EXPECT_EQ(shape.code, ErrorCode::kIncompatible);
  EXPECT_THAT(shape.message, HasSubstr("text.layer1.weight"));
  tensors.erase("text.layer0.bias");
  replace_start_weights(tensors);
  const Error missing = refused(set_, options({}, start_));
  EXPECT_EQ(missing.code, ErrorCode::kIncompatible);
  EXPECT_THAT(missing.message, HasSubstr("text.layer0.bias is missing"));
}

TEST_F(FineTuning, TakesASpaceThatKeptNoTemperature) {
  NamedTensors tensors = weights_in(start_);
  tensors.erase("log_temperature");
  replace_start_weights(tensors);
  const auto tuned = weights_in(trained(set_, {"epochs=1", "learning_rate=0"}, start_));
  EXPECT_NEAR(tuned.at("log_temperature").item<double>(), std::log(ContrastiveSettings().temperature), 1e-6);
}

TEST_F(FineTuning, GoesOnWithTheBiasOfTheSigmoidLoss) {
  EXPECT_FALSE(weights_in(start_).contains("bias"));
  start_ = trained(set_, {"epochs=2", "loss=siglip"});
  const double learnt = weights_in(start_).at("bias").item<double>();
  EXPECT_NE(learnt, -std::log(16.0));  // where it began
  const auto tuned = weights_in(trained(set_, {"epochs=1", "learning_rate=0", "loss=siglip"}, start_));
  EXPECT_EQ(tuned.at("bias").item<double>(), learnt);
}

TEST_F(FineTuning, IsRefusedByAMethodThatCannot) {
  const auto report = train_method("cca-itq", set_, options({}, start_), fresh_folder(), progress_);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(report.error().message, HasSubstr("cca-itq cannot start from a trained space"));
  EXPECT_THAT(report.error().hint, HasSubstr("contrastive"));
}

TEST_F(FineTuning, SaysThatItsSettingsChangeNothingWithoutAStart) {
  const auto plain = weights_in(trained(set_, {"epochs=1"}));
  EXPECT_THAT(progress_.notes, testing::Not(HasSubstr("change nothing without")));
  const auto set_all = {"start_decay=1", "head_epochs=1", "tune_rate=0.1", "interpolation=0.5"};
  std::vector<std::string> settings = {"epochs=1"};
  settings.insert(settings.end(), set_all.begin(), set_all.end());
  EXPECT_EQ(gap(weights_in(trained(set_, settings)), plain), 0);
  EXPECT_THAT(progress_.notes, HasSubstr("change nothing without"));
}

TEST_F(FineTuning, LearnsFromTheLabelsOnlyWhereAskedTo) {
  const auto plain = weights_in(trained(set_, {"epochs=2"}));
  EXPECT_THAT(progress_.notes, HasSubstr("labels are not looked at"));
  const auto few = weights_in(trained(set_, {"epochs=2", "label_schedule=few"}));
  EXPECT_THAT(progress_.notes, HasSubstr("84 labelled pairs of 4 label values: labels have weight 0.57, pairs 0.72"));
  EXPECT_GT(gap(few, plain), 0);
  const auto fewer = weights_in(trained(set_, {"epochs=2", "label_schedule=few", "label_limit=10"}));
  EXPECT_THAT(progress_.notes, HasSubstr("10 labelled pairs"));
  EXPECT_GT(gap(few, fewer), 0);
  EXPECT_GT(gap(plain, fewer), 0);
}

TEST_F(FineTuning, LearnsThePairsAloneWhereNoItemHasALabel) {
  const auto plain = weights_in(trained(set_, {"epochs=2"}));
  TrainingSet unlabelled = set_;
  unlabelled.labels.assign(96, {});
  EXPECT_EQ(gap(weights_in(trained(unlabelled, {"epochs=2", "label_schedule=few"})), plain), 0);
  EXPECT_THAT(progress_.notes, HasSubstr("no training item has a label"));
}

}  // namespace
}  // namespace warifu
