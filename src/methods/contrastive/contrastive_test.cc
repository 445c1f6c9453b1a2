#include "methods/contrastive/contrastive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/file.h"
#include "methods/contrastive/train.h"
#include "methods/stopping_progress_for_test.h"
#include "methods/synthetic_pairs_for_test.h"
#include "nn/tensor_io.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

using testing::HasSubstr;

ContrastiveSettings small_settings(int epochs) {
  ContrastiveSettings settings;
  settings.epochs = epochs;
  settings.batch = 16;
  settings.hidden = 32;
  return settings;
}

const TrainOptions kOptions{.bits = {8, 16}, .seed = 3, .epochs = 0, .space = "s"};

TEST(Contrastive, MatchesPicturesAndTextsOfTheSameKindWithoutLabels) {
  TrainingSet set = synthetic_pairs(160, 4, 1);
  set.label_values = 2;
  set.labels.assign(160, {0});  // says nothing of the kinds, and must not be looked at
  StoppingProgress progress(1000);
  const auto directory = fresh_folder();
  TrainOptions options = kOptions;
  options.epochs = 12;
  const auto report = train_contrastive(set, options, directory, progress);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_THAT(progress.notes, HasSubstr("labels are not looked at"));
  const auto encoder = load_encoder(directory);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  EXPECT_GT(matching_share(**encoder, set, 4), 0.9);  // by chance 0.25
  EXPECT_FALSE(std::filesystem::exists(directory / "checkpoint"));
  const auto log = read_text_file(directory / "train-log.jsonl", 1 << 20).value();
  EXPECT_EQ(std::ranges::count(log, '\n'), report->epochs_run);
  EXPECT_THAT(log, HasSubstr("\"validation\""));
}

TEST(Contrastive, GivesTheSameModelWithOtherLabels) {
  SilentProgress progress;
  TrainingSet set = synthetic_pairs(64, 4, 1);
  const auto plain = fit_contrastive(set, kOptions, small_settings(3), fresh_folder(), progress);
  set.label_values = 64;
  set.labels.clear();
  for (std::uint32_t i = 0; i < 64; ++i) set.labels.push_back({i});
  const auto labelled = fit_contrastive(set, kOptions, small_settings(3), fresh_folder(), progress);
  ASSERT_TRUE(plain.has_value() && labelled.has_value());
  EXPECT_TRUE(same_model(*plain->model, *labelled->model));
}

TEST(Contrastive, ContinuesAnInterruptedRunToTheSameModel) {
  const TrainingSet set = synthetic_pairs(96, 4, 1);
  SilentProgress silent;
  const auto whole = fresh_folder();
  const auto uninterrupted = fit_contrastive(set, kOptions, small_settings(6), whole, silent);
  ASSERT_TRUE(uninterrupted.has_value());

  const auto broken = fresh_folder();
  for (const std::size_t stop_after : {2, 5}) {
    constexpr std::size_t kStepsAnEpoch = 6;  // 84 pairs in batches of at most 16
    StoppingProgress stopping(stop_after * kStepsAnEpoch);
    const auto stopped = fit_contrastive(set, kOptions, small_settings(6), broken, stopping);
    ASSERT_FALSE(stopped.has_value());
    EXPECT_EQ(stopped.error().code, ErrorCode::kUnavailable);
  }
  StoppingProgress last(1000);
  const auto continued = fit_contrastive(set, kOptions, small_settings(6), broken, last);
  ASSERT_TRUE(continued.has_value());
  EXPECT_THAT(last.notes, HasSubstr("continued after epoch 5"));
  EXPECT_TRUE(same_model(*uninterrupted->model, *continued->model));
  EXPECT_EQ(uninterrupted->report.validation_score, continued->report.validation_score);
  EXPECT_EQ(std::ranges::count(read_text_file(broken / "train-log.jsonl", 1 << 20).value(), '\n'), 6);
}

// Pictures of one colour each, with the colour's name: learnt from pixels and letters.
class TrainedTowers : public testing::Test {
 protected:
  std::vector<EncoderInput> inputs() const {
    std::vector<EncoderInput> all(set_.train.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].picture = &set_.image.pictures[i];
      all[i].text = set_.text.texts[i];
    }
    return all;
  }

  TrainingSet set_ = coloured_pairs(24, fresh_folder() / "pieces.model");
};

TEST_F(TrainedTowers, LearnFromPixelsAndLettersAndStayStrict) {
  SilentProgress progress;
  const auto directory = fresh_folder();
  TrainOptions options = kOptions;
  options.epochs = 8;
  const auto report = train_contrastive(set_, options, directory, progress);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  const auto encoder = load_encoder(directory);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  EXPECT_TRUE((*encoder)->encodes_raw(Modality::kBoth));
  EXPECT_EQ((*encoder)->picture_format(), trained_picture_format());

  const auto all = inputs();
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth}) {
    const auto together = (*encoder)->encode(all, modality);
    ASSERT_TRUE(together.has_value()) << together.error().message;
    for (const std::size_t i : {0, 5, 23}) {
      EncoderInput alone = all[i];
      if (modality == Modality::kImage) alone.text.reset();
      if (modality == Modality::kText) alone.picture = nullptr;
      const auto code = (*encoder)->encode({&alone, 1}, modality);
      ASSERT_TRUE(code.has_value()) << code.error().message;
      EXPECT_TRUE(std::ranges::equal(code->back().row(0), together->back().row(i)));
    }
  }
  const auto images = (*encoder)->encode(all, Modality::kImage).value().back();
  EXPECT_FALSE(std::ranges::equal(images.row(0), images.row(1))) << "red and green have the same code";
  const auto none = (*encoder)->encode(std::vector<EncoderInput>(1), Modality::kImage);
  ASSERT_FALSE(none.has_value());
  EXPECT_THAT(none.error().message, HasSubstr("input 0 has no picture"));
}

TEST_F(TrainedTowers, AreTakenOverWithTheirStatisticsAndStayWhileTheHeadsAloneLearn) {
  SilentProgress progress;
  const auto start = fresh_folder();
  TrainOptions options = kOptions;
  options.epochs = 2;
  ASSERT_TRUE(train_contrastive(set_, options, start, progress).has_value());
  const auto tuned = fresh_folder();
  options.start_from = start;
  options.settings = {"head_epochs=2"};
  const auto report = train_contrastive(set_, options, tuned, progress);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  const auto before = load_tensors(start / kWeightsFile).value();
  const auto after = load_tensors(tuned / kWeightsFile).value();
  ASSERT_TRUE(before.contains("image.tower.blocks.0.attn.in_proj_weight"));
  for (const auto& [name, tensor] : before) {
    if (name.starts_with("image.layer1.") || name.starts_with("text.layer1.")) {
      EXPECT_FALSE(tensor.equal(after.at(name))) << name << " did not learn";
    } else {
      EXPECT_TRUE(torch::allclose(tensor, after.at(name), 0, name == "log_temperature" ? 1e-6 : 0)) << name;
    }
  }
}

TEST_F(TrainedTowers, RefuseAStartWithAnotherVocabulary) {
  SilentProgress progress;
  const auto start = fresh_folder();
  TrainOptions options = kOptions;
  options.epochs = 1;
  ASSERT_TRUE(train_contrastive(set_, options, start, progress).has_value());
  const auto other = fresh_folder() / "pieces.model";
  const std::vector<std::string> texts = {"quite other words", "and more of them", "zebra"};
  ASSERT_TRUE(train_sentencepiece(texts, kMinPieces, other).has_value());
  set_.text.tower.vocabulary = other;
  options.start_from = start;
  const auto report = train_contrastive(set_, options, fresh_folder(), progress);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(report.error().message, HasSubstr("vocabulary of the text tower 'small' is not the one"));
}

TEST_F(TrainedTowers, GiveTheSameModelForTheSameSeed) {
  SilentProgress progress;
  const auto first = fit_contrastive(set_, kOptions, small_settings(2), fresh_folder(), progress);
  const auto second = fit_contrastive(set_, kOptions, small_settings(2), fresh_folder(), progress);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_TRUE(same_model(*first->model, *second->model));
}

}  // namespace
}  // namespace warifu
