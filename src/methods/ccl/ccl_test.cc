#include "methods/ccl/ccl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/file.h"
#include "methods/ccl/train.h"
#include "methods/stopping_progress_for_test.h"
#include "methods/synthetic_pairs_for_test.h"
#include "nn/frozen_tower.h"
#include "nn/tensor_io.h"

namespace warifu {
namespace {

using testing::HasSubstr;

const TrainOptions kOptions{.bits = {8, 16}, .seed = 3, .epochs = 0, .space = "s"};

CclSettings small_settings(int epochs) {
  CclSettings settings;
  settings.epochs = epochs;
  settings.stage1_epochs = 2;
  settings.batch = 16;
  settings.width = 24;
  return settings;
}

TrainOptions small_options(std::vector<std::string> more) {
  TrainOptions options = kOptions;
  options.settings = {"batch=16",          "width=24",         "epochs=12",         "stage1_epochs=2",
                      "image_dropout=0.1", "text_dropout=0.1", "hidden_dropout=0.1"};
  options.settings.insert(options.settings.end(), more.begin(), more.end());
  return options;
}

// Trains into a fresh folder and loads what was trained there.
std::unique_ptr<Encoder> trained(const TrainingSet& set, const std::vector<std::string>& settings,
                                 const std::filesystem::path& directory = fresh_folder()) {
  SilentProgress progress;
  const auto report = train_ccl(set, small_options(settings), directory, progress);
  EXPECT_TRUE(report.has_value()) << report.error().message;
  auto encoder = load_encoder(directory);
  EXPECT_TRUE(encoder.has_value()) << encoder.error().message;
  return std::move(*encoder);
}

// The share of pictures whose nearest text by cosine is of the same kind.
double matching_real_share(const Encoder& encoder, const TrainingSet& set, std::int64_t kinds) {
  const auto inputs = feature_inputs(set);
  const auto image = to_tensor(encoder.embed(inputs, Modality::kImage).value());
  const auto text = to_tensor(encoder.embed(inputs, Modality::kText).value());
  const auto nearest = image.mm(text.t()).argmax(1) % kinds;
  return nearest.eq(torch::arange(image.size(0)) % kinds).to(torch::kFloat64).mean().item<double>();
}

// Rows [whole | part | part]: the whole is noise, one of the parts is the feature of synthetic_pairs, the other is not
// there.
FloatMatrix in_parts(const FloatMatrix& features) {
  FloatMatrix rows(features.rows(), 3 * features.cols());
  Rng rng(5);
  for (std::size_t i = 0; i < features.rows(); ++i) {
    for (std::size_t k = 0; k < features.cols(); ++k) rows.row(i)[k] = static_cast<float>(rng.uniform());
    std::ranges::copy(features.row(i),
                      rows.row(i).begin() + static_cast<std::ptrdiff_t>((1 + i % 2) * features.cols()));
  }
  return rows;
}

TrainingSet pairs_in_parts(std::size_t items, std::size_t kinds) {
  TrainingSet set = synthetic_pairs(items, kinds, 1);
  set.image.features = in_parts(set.image.features);
  set.text.features = in_parts(set.text.features);
  set.image.tower.parts = set.text.tower.parts = 2;
  return set;
}

TEST(Ccl, MatchesPicturesAndTextsOfTheSameLabelByCodesAndByRealValues) {
  const TrainingSet set = synthetic_pairs(160, 5, 1);
  const auto directory = fresh_folder();
  const auto encoder = trained(set, {}, directory);
  EXPECT_GT(matching_share(*encoder, set, 5), 0.9);  // by chance 0.2
  EXPECT_GT(matching_real_share(*encoder, set, 5), 0.9);
  EXPECT_EQ(encoder->embedding_width(), 7U);
  EXPECT_EQ(encoder->caveat(), "");
  const auto log = read_text_file(directory / "train-log.jsonl", 1 << 20).value();
  EXPECT_THAT(log, HasSubstr("\"across_loss\""));
  EXPECT_THAT(log, HasSubstr("\"pair_weight\""));
  EXPECT_EQ(std::ranges::count(log, '\n'), 14);
}

TEST(Ccl, LearnsFromPairsAloneWhereThereIsNoLabel) {
  TrainingSet set = synthetic_pairs(160, 5, 1);
  const auto unasked = trained(set, {"labels=no"});
  EXPECT_EQ(unasked->embedding_width(), 24U);
  EXPECT_GT(matching_real_share(*unasked, set, 5), 0.8);
  EXPECT_GT(matching_share(*unasked, set, 5), 0.6);
  set.labels.clear();
  set.label_values = 0;
  const auto none = trained(set, {});
  EXPECT_EQ(to_tensor(none->embed(feature_inputs(set), Modality::kImage).value())
                .equal(to_tensor(unasked->embed(feature_inputs(set), Modality::kImage).value())),
            true);
}

TEST(Ccl, LearnsWhereFewItemsHaveALabel) {
  const TrainingSet set = synthetic_pairs(160, 5, 1);
  const auto encoder = trained(set, {"label_limit=30"});
  EXPECT_EQ(encoder->embedding_width(), 7U);
  EXPECT_GT(matching_real_share(*encoder, set, 5), 0.8);
}

TEST(Ccl, OneLabelThatAllShareIsNone) {
  TrainingSet set = synthetic_pairs(64, 4, 1);
  for (auto& labels : set.labels) labels = {2};
  StoppingProgress progress(1000);
  const auto directory = fresh_folder();
  ASSERT_TRUE(train_ccl(set, small_options({"epochs=1"}), directory, progress).has_value());
  EXPECT_THAT(progress.notes, HasSubstr("no two labels"));
  EXPECT_EQ(load_encoder(directory).value()->embedding_width(), 24U);
}

TEST(Ccl, SeesInPartsWhatTheWholeDoesNotShow) {
  const TrainingSet set = pairs_in_parts(160, 5);
  const auto directory = fresh_folder();
  const auto with = trained(set, {}, directory);
  EXPECT_GT(matching_real_share(*with, set, 5), 0.8);
  EXPECT_EQ(read_space_info(directory)->image.parts, 2);
  TrainingSet whole = set;
  for (auto* side : {&whole.image, &whole.text}) {
    FloatMatrix rows(set.train.size() + set.validation.size(), side->features.cols() / 3);
    for (std::size_t i = 0; i < rows.rows(); ++i)
      std::ranges::copy(side->features.row(i).first(rows.cols()), rows.row(i).begin());
    side->features = std::move(rows);
    side->tower.parts = 0;
  }
  EXPECT_LT(matching_real_share(*trained(whole, {"epochs=3"}), whole, 5), 0.6);
}

TEST(Ccl, RealValuesAreOfTheItemAloneAndOfLengthOne) {
  const TrainingSet set = pairs_in_parts(48, 4);
  const auto encoder = trained(set, {"epochs=2"});
  const auto inputs = feature_inputs(set);
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth}) {
    const auto together = to_tensor(encoder->embed(inputs, modality).value());
    EXPECT_TRUE(together.norm(2, 1).allclose(torch::ones({48})));
    EncoderInput one = inputs[17];
    if (modality == Modality::kImage) one.text_features = {};
    if (modality == Modality::kText) one.image_features = {};
    EXPECT_TRUE(to_tensor(encoder->embed({&one, 1}, modality).value())[0].equal(together[17]));
  }
  const auto missing = encoder->embed(std::array{EncoderInput{}}, Modality::kImage);
  ASSERT_FALSE(missing.has_value());
}

TEST(Ccl, EncodesByTheModelThatWasTaught) {
  const TrainingSet set = pairs_in_parts(64, 4);
  SilentProgress progress;
  const auto taught = fit_ccl(set, kOptions, small_settings(3), fresh_folder(), progress);
  ASSERT_TRUE(taught.has_value()) << taught.error().message;
  TrainOptions options = kOptions;
  options.settings = {"batch=16", "width=24", "epochs=3", "stage1_epochs=2"};
  const auto directory = fresh_folder();
  ASSERT_TRUE(train_ccl(set, options, directory, progress).has_value());
  const auto encoder = load_encoder(directory).value();
  const torch::NoGradGuard no_grad;
  auto model = taught->model;
  const auto grains = split_grains(to_tensor(set.image.features), 2, 0.5, *model->image);
  const auto common = model->network->pathway(Modality::kImage)->forward(grains).common;
  const auto real = to_tensor(encoder->embed(feature_inputs(set), Modality::kImage).value());
  EXPECT_TRUE(real.allclose(model->network->embedding(Modality::kImage, common), 1e-3, 1e-5));
  const auto values = model->network->heads(common);
  const auto codes = encoder->encode(feature_inputs(set), Modality::kImage).value();
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t k = 0; k < 24; ++k) {
      const auto value = values[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(k)].item<float>();
      if (std::abs(value) < 1e-4) continue;  // signs of the others may be rounded either way
      EXPECT_EQ(k < 8 ? codes[0].bit(i, k) : codes[1].bit(i, k - 8), value >= 0) << i << " " << k;
    }
}

TEST(Ccl, ContinuesAnInterruptedRunToTheSameModel) {
  TrainingSet set = synthetic_pairs(96, 4, 1);
  set.validation.clear();  // so that the last epoch is kept
  SilentProgress silent;
  const auto uninterrupted = fit_ccl(set, kOptions, small_settings(3), fresh_folder(), silent);
  ASSERT_TRUE(uninterrupted.has_value()) << uninterrupted.error().message;
  constexpr std::size_t kStepsAnEpoch = 6;   // 84 pairs in batches of at most 16
  for (const std::size_t epochs : {1, 3}) {  // in either stage
    const auto broken = fresh_folder();
    StoppingProgress stopping(epochs * kStepsAnEpoch);
    ASSERT_FALSE(fit_ccl(set, kOptions, small_settings(3), broken, stopping).has_value());
    StoppingProgress last(1000);
    const auto continued = fit_ccl(set, kOptions, small_settings(3), broken, last);
    ASSERT_TRUE(continued.has_value());
    EXPECT_THAT(last.notes, HasSubstr("continued after epoch " + std::to_string(epochs)));
    EXPECT_TRUE(same_model(*uninterrupted->model, *continued->model));
  }
}

TEST(Ccl, WorksWithEveryOptionOfItsStages) {
  const TrainingSet set = pairs_in_parts(160, 5);
  for (const char* option : {"stage1=no", "balance=fixed", "pooling=attention", "power=1"})
    EXPECT_GT(matching_real_share(*trained(set, {option, "epochs=8"}), set, 5), 0.6) << option;  // by chance 0.2
}

TEST(Ccl, AsksForPartsUnlessTheyAreNotWanted) {
  const std::vector<std::string> none;
  EXPECT_EQ(wanted_parts("ccl", Modality::kImage, none).value(), 9);
  EXPECT_EQ(wanted_parts("ccl", Modality::kText, none).value(), 8);
  EXPECT_EQ(wanted_parts("ccl", Modality::kImage, std::vector<std::string>{"patches=no"}).value(), 0);
  EXPECT_EQ(wanted_parts("ccl", Modality::kText, std::vector<std::string>{"phrases=no"}).value(), 0);
  EXPECT_EQ(wanted_parts("ccl", Modality::kImage, std::vector<std::string>{"grid=2"}).value(), 4);
  EXPECT_FALSE(wanted_parts("ccl", Modality::kImage, std::vector<std::string>{"grid=many"}).has_value());
  EXPECT_EQ(wanted_parts("prompthash", Modality::kImage, none).value(), 0);
}

TEST(Ccl, RefusesRowsThatAreNotOfTheirNumberOfParts) {
  TrainingSet set = synthetic_pairs(32, 4, 1);
  set.image.tower.parts = 4;  // of 24 numbers
  SilentProgress progress;
  const auto refused = train_ccl(set, small_options({}), fresh_folder(), progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("4 parts do not fit 24 features"));
}

TEST(Ccl, RefusesAModelWhoseSizesAreNotThoseOfItsWeights) {
  const TrainingSet set = pairs_in_parts(32, 4);
  SilentProgress progress;
  const auto directory = fresh_folder();
  ASSERT_TRUE(train_ccl(set, small_options({"epochs=1"}), directory, progress).has_value());
  const auto whole = read_text_file(directory / "model.json", 1 << 20).value();
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = whole;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_TRUE(write_file_atomically(directory / "model.json", std::string_view(changed)).has_value());
    const auto refused = load_encoder(directory);
    EXPECT_FALSE(refused.has_value()) << to;
    return refused.has_value() ? std::string() : refused.error().message;
  };
  EXPECT_THAT(with("\"width\": \"24\"", "\"width\": \"4096\""), HasSubstr("not of the size"));
  EXPECT_THAT(with("\"classes\": \"4\"", "\"classes\": \"400\""), HasSubstr("not of the size"));
  EXPECT_THAT(with("\"classes\": \"4\"", "\"classes\": \"0\""), HasSubstr("classes"));
  EXPECT_THAT(with("\"pooling\": \"mean\"", "\"pooling\": \"most\""), HasSubstr("pooling"));
  EXPECT_THAT(with("\"parts\": 2", "\"parts\": 6"), HasSubstr("parts do not fit"));
  EXPECT_THAT(with("\"parts\": 2", "\"parts\": 0"), HasSubstr("fingerprint"));
}

TEST(Ccl, LearnsFromPixelsAndLettersWithoutParts) {
  const TrainingSet set = coloured_pairs(24, fresh_folder() / "pieces.model");
  const auto encoder = trained(set, {"epochs=3"});
  EXPECT_TRUE(encoder->encodes_raw(Modality::kBoth));
  EncoderInput input;
  input.picture = &set.image.pictures[0];
  input.text = set.text.texts[0];
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth}) {
    EXPECT_EQ(encoder->encode({&input, 1}, modality).value()[0].count(), 1U);
    EXPECT_EQ(encoder->embed({&input, 1}, modality).value().cols(), 5U);
  }
  const auto parts = encoder->align(input);
  ASSERT_FALSE(parts.has_value());
  EXPECT_THAT(parts.error().message, HasSubstr("without parts"));
}

// A grey picture with one quarter of a colour, and what is said of it.
struct Patched {
  Image picture{96, 96, std::vector<std::uint8_t>(96 * 96 * 3, 128)};
  std::string text;
  std::size_t quarter = 0;
};

Patched patched(std::size_t colour, std::size_t quarter, Rng& rng) {
  constexpr std::array kNames = {"red", "green", "blue"};
  Patched made;
  made.quarter = quarter;
  for (std::size_t y = 0; y < 96; ++y)
    for (std::size_t x = 0; x < 96; ++x)
      for (std::size_t c = 0; c < 3; ++c) {
        const bool inside = y / 48 == quarter / 2 && x / 48 == quarter % 2;
        auto& value = made.picture.rgb[(y * 96 + x) * 3 + c];
        value = static_cast<std::uint8_t>((inside ? (c == colour ? 220 : 20) : 128) + rng.below(20));
      }
  made.text = std::string("A ") + kNames[colour] + " patch, somewhere on grey ground";
  return made;
}

TEST(Ccl, AlignsAColouredPatchWithThePhraseThatNamesItsColour) {
  Rng rng(2);
  TrainingSet set;
  std::vector<Image> pictures;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 72; ++i) {
    const Patched made = patched(i % 3, rng.below(4), rng);
    pictures.push_back(made.picture);
    texts.push_back(made.text);
    set.labels.push_back({static_cast<std::uint32_t>(i % 3)});
    set.train.push_back(i);
  }
  set.label_values = 3;
  const auto words = fresh_folder() / "words.txt";
  ASSERT_TRUE(write_file_atomically(words, "a\nblue\ngreen\ngrey\nground\non\npatch\nred\nsomewhere\n").has_value());
  set.image.tower = {"classic", {}, {}, 4};
  set.text.tower = {"bow", {}, words, 4};
  set.image.features = load_frozen_tower(set.image.tower, Modality::kImage).value()->encode_pictures(pictures).value();
  set.text.features = load_frozen_tower(set.text.tower, Modality::kText).value()->encode_texts(texts).value();
  const auto encoder = trained(set, {"epochs=20"});
  for (std::size_t colour = 0; colour < 3; ++colour)
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
      const Patched made = patched(colour, quarter, rng);
      EncoderInput input;
      input.picture = &made.picture;
      input.text = made.text;
      const auto aligned = encoder->align(input);
      ASSERT_TRUE(aligned.has_value()) << aligned.error().message;
      ASSERT_EQ(aligned->rows(), 4U);
      ASSERT_EQ(aligned->cols(), 4U);
      const auto values = to_tensor(*aligned);
      EXPECT_EQ(values.select(1, 0).argmax().item<std::int64_t>(), static_cast<std::int64_t>(quarter)) << colour;
      EXPECT_EQ(values[static_cast<std::int64_t>(quarter)].argmax().item<std::int64_t>(), 0) << colour;
      EXPECT_TRUE(values.narrow(1, 2, 2).eq(0).all().item<bool>());  // two phrases only
    }
}

}  // namespace
}  // namespace warifu
