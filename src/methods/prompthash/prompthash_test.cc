#include "methods/prompthash/prompthash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/file.h"
#include "methods/prompthash/train.h"
#include "methods/stopping_progress_for_test.h"
#include "methods/synthetic_pairs_for_test.h"
#include "nn/tensor_io.h"

namespace warifu {
namespace {

using testing::HasSubstr;

PromptHashSettings small_settings(int epochs) {
  PromptHashSettings settings;
  settings.epochs = epochs;
  settings.batch = 16;
  settings.tokens = 2;
  settings.width = 16;
  settings.auxiliary_bits = 24;
  return settings;
}

const TrainOptions kOptions{.bits = {8, 16}, .seed = 3, .epochs = 0, .space = "s"};

TrainOptions small_options(std::vector<std::string> more) {
  TrainOptions options = kOptions;
  options.settings = {"batch=16",          "tokens=2",         "width=16",          "auxiliary_bits=24", "epochs=12",
                      "image_dropout=0.1", "text_dropout=0.1", "token_dropout=0.1", "mlp_dropout=0.1"};
  options.settings.insert(options.settings.end(), more.begin(), more.end());
  return options;
}

TEST(PromptHash, MatchesPicturesAndTextsOfTheSameLabel) {
  const TrainingSet set = synthetic_pairs(160, 5, 1);
  SilentProgress progress;
  const auto directory = fresh_folder();
  const auto report = train_prompthash(set, small_options({}), directory, progress);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_GT(report->validation_score, 0.9);
  const auto encoder = load_encoder(directory);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  EXPECT_EQ((*encoder)->caveat(), "");
  EXPECT_GT(matching_share(**encoder, set, 5), 0.9);  // by chance 0.2
  const auto log = read_text_file(directory / "train-log.jsonl", 1 << 20).value();
  EXPECT_THAT(log, HasSubstr("\"likelihood_loss\""));
  EXPECT_EQ(std::ranges::count(log, '\n'), report->epochs_run);
}

TEST(PromptHash, EncodesByTheModelThatWasTaughtInEveryMode) {
  TrainingSet set = synthetic_pairs(64, 4, 1);
  std::vector<std::vector<std::string>> names(64);
  for (const char* kind : {"a", "b", "c", "d"}) set.label_names.push_back(std::string("kind=") + kind);
  auto labels = torch::zeros({64, 4});
  for (std::size_t i = 0; i < 64; ++i) {
    names[i] = {"colour=red", set.label_names[i % 4]};  // the first means nothing to the model
    labels[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(i % 4)] = 1;
  }
  for (const char* mode : {"strict", "oracle", "paper"}) {
    SilentProgress progress;
    PromptHashSettings settings = small_settings(3);
    settings.mode = mode;
    TrainOptions options = kOptions;
    options.settings = {"batch=16",          "tokens=2", "width=16",
                        "auxiliary_bits=24", "epochs=3", std::string("mode=") + mode};
    const auto directory = fresh_folder();
    ASSERT_TRUE(train_prompthash(set, options, directory, progress).has_value());
    const auto taught = fit_prompthash(set, kOptions, settings, fresh_folder(), progress);
    ASSERT_TRUE(taught.has_value());
    const torch::NoGradGuard no_grad;
    auto model = taught->model;
    const auto image = model->image->standardise(to_tensor(set.image.features));
    const auto text = model->text->standardise(to_tensor(set.text.features));
    const auto encoder = load_encoder(directory);
    ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
    auto inputs = feature_inputs(set);
    for (std::size_t i = 0; i < 64; ++i) inputs[i].labels = names[i];
    for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth}) {
      std::vector<torch::Tensor> parts;  // of 16 rows: of as many does a code of mode paper depend
      for (std::int64_t begin = 0; begin < 64; begin += 16)
        parts.push_back(model->network->outputs(modality, image.narrow(0, begin, 16), text.narrow(0, begin, 16),
                                                labels.narrow(0, begin, 16)));
      const auto values = torch::cat(parts);
      const auto codes = (*encoder)->encode(inputs, modality).value();
      const auto sure = values.abs().gt(1e-4);  // signs of the others may be rounded either way
      for (std::size_t i = 0; i < 64; ++i)
        for (std::size_t k = 0; k < 24; ++k) {
          const auto row = static_cast<std::int64_t>(i), column = static_cast<std::int64_t>(k);
          if (!sure[row][column].item<bool>()) continue;
          const bool bit = k < 8 ? codes[0].bit(i, k) : codes[1].bit(i, k - 8);
          EXPECT_EQ(bit, values[row][column].item<float>() >= 0) << mode << " " << modality_name(modality) << " " << i;
        }
    }
  }
}

TEST(PromptHash, ContinuesAnInterruptedRunToTheSameModel) {
  const TrainingSet set = synthetic_pairs(96, 4, 1);
  SilentProgress silent;
  const auto uninterrupted = fit_prompthash(set, kOptions, small_settings(5), fresh_folder(), silent);
  ASSERT_TRUE(uninterrupted.has_value()) << uninterrupted.error().message;
  const auto broken = fresh_folder();
  constexpr std::size_t kStepsAnEpoch = 6;  // 84 pairs in batches of at most 16
  StoppingProgress stopping(3 * kStepsAnEpoch);
  ASSERT_FALSE(fit_prompthash(set, kOptions, small_settings(5), broken, stopping).has_value());
  StoppingProgress last(1000);
  const auto continued = fit_prompthash(set, kOptions, small_settings(5), broken, last);
  ASSERT_TRUE(continued.has_value());
  EXPECT_THAT(last.notes, HasSubstr("continued after epoch 3"));
  EXPECT_TRUE(same_model(*uninterrupted->model, *continued->model));
}

TEST(PromptHash, WithoutLabelsSaysWhatElseToUse) {
  SilentProgress progress;
  TrainingSet none = synthetic_pairs(32, 4, 1);
  none.label_values = 0;
  for (auto& labels : none.labels) labels.clear();
  const auto refused = train_prompthash(none, small_options({}), fresh_folder(), progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("learns from labels"));
  EXPECT_THAT(refused.error().hint, HasSubstr("contrastive"));
}

TEST(PromptHash, RefusesLabelsThatTellNothingApartOrAreTooMany) {
  SilentProgress progress;
  TrainingSet one = synthetic_pairs(32, 4, 1);
  for (auto& labels : one.labels) labels = {2};
  const auto alike = train_prompthash(one, small_options({}), fresh_folder(), progress);
  ASSERT_FALSE(alike.has_value());
  EXPECT_THAT(alike.error().message, HasSubstr("the same one"));
  TrainingSet many = synthetic_pairs(32, 4, 1);
  many.label_values = 5000;
  const auto refused = train_prompthash(many, small_options({}), fresh_folder(), progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("5000 label values"));
}

TEST(PromptHash, LearnsWhereSomeItemsHaveNoLabel) {
  SilentProgress progress;
  TrainingSet set = synthetic_pairs(160, 5, 1);
  for (std::size_t i = 0; i < set.labels.size(); i += 2) set.labels[i].clear();
  const auto directory = fresh_folder();
  const auto report = train_prompthash(set, small_options({}), directory, progress);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  const auto encoder = load_encoder(directory);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  EXPECT_GT(matching_share(**encoder, set, 5), 0.8);
}

TEST(PromptHash, RefusesSettingsThatTakeAModeApart) {
  const TrainingSet set = synthetic_pairs(32, 4, 1);
  SilentProgress progress;
  for (const auto& chosen : std::vector<std::vector<std::string>>{
           {"mode=paper", "fusion=no"}, {"mode=oracle", "prompts=no"}, {"width=18"}}) {
    const auto refused = train_prompthash(set, small_options(chosen), fresh_folder(), progress);
    ASSERT_FALSE(refused.has_value()) << chosen[0];
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(PromptHash, ModesThatAreNotStrictSaySoInTheModelAndInWords) {
  const TrainingSet set = synthetic_pairs(64, 4, 1);
  for (const auto& [mode, caveat] : {std::pair("paper", "paired input"), std::pair("oracle", "labels in the query")}) {
    StoppingProgress progress(1000);
    const auto directory = fresh_folder();
    const auto report =
        train_prompthash(set, small_options({std::string("mode=") + mode, "epochs=2"}), directory, progress);
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_THAT(progress.notes, HasSubstr(caveat));
    EXPECT_EQ(read_space_info(directory)->caveat, caveat);
    const auto encoder = load_encoder(directory);
    ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
    EXPECT_EQ((*encoder)->caveat(), caveat);
    EXPECT_EQ((*encoder)->encode(feature_inputs(set), Modality::kText).value().back().count(), 64U);
  }
}

TEST(PromptHash, RefusesAModelWhoseSizesAreNotThoseOfItsWeights) {
  const TrainingSet set = synthetic_pairs(32, 4, 1);
  SilentProgress progress;
  const auto directory = fresh_folder();
  ASSERT_TRUE(train_prompthash(set, small_options({"epochs=1"}), directory, progress).has_value());
  const auto whole = read_text_file(directory / "model.json", 1 << 20).value();
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = whole;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_TRUE(write_file_atomically(directory / "model.json", std::string_view(changed)).has_value());
    const auto refused = load_encoder(directory);
    EXPECT_FALSE(refused.has_value()) << to;
    return refused.has_value() ? std::string() : refused.error().message;
  };
  EXPECT_THAT(with("\"width\": \"16\"", "\"width\": \"4096\""), HasSubstr("not of the size"));
  EXPECT_THAT(with("\"tokens\": \"2\"", "\"tokens\": \"64\""), HasSubstr("not of the size"));
  EXPECT_THAT(with("\"mode\": \"strict\"", "\"mode\": \"oracle\""), HasSubstr("caveat"));
  EXPECT_THAT(with("\"heads\": \"4\"", "\"heads\": \"3\""), HasSubstr("heads"));
  EXPECT_THAT(with("\"width\": \"16\"", "\"width\": \"many\""), HasSubstr("width"));
}

TEST(PromptHash, LearnsFromPixelsAndLetters) {
  const TrainingSet set = coloured_pairs(24, fresh_folder() / "pieces.model");
  SilentProgress progress;
  const auto directory = fresh_folder();
  const auto report = train_prompthash(set, small_options({"epochs=4"}), directory, progress);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  const auto encoder = load_encoder(directory);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  EXPECT_TRUE((*encoder)->encodes_raw(Modality::kBoth));
  EncoderInput input;
  input.picture = &set.image.pictures[0];
  input.text = set.text.texts[0];
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth})
    EXPECT_EQ((*encoder)->encode({&input, 1}, modality).value()[0].count(), 1U);
}

}  // namespace
}  // namespace warifu
