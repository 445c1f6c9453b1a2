// What explanations stand on: the gradients of every method, and what they say of drawn pictures and their words.
#include "methods/attribute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/file.h"
#include "io/patches.h"
#include "methods/method.h"
#include "methods/synthetic_pairs_for_test.h"
#include "nn/classic_image.h"
#include "nn/frozen_tower.h"

namespace warifu {
namespace {

constexpr int kSide = kClassicSide;  // as its tower wants pictures, so that nothing is resized
constexpr int kThing = 48;           // pixels a side of the thing on the picture
constexpr std::size_t kCells = 8;    // a side of the raster of the tower "classic"

struct Drawn {
  TrainingSet set;
  std::vector<Image> pictures;
  std::vector<std::string> texts;
  std::vector<std::pair<int, int>> corners;  // of the things
};

// A square of one of four colours somewhere on white, and words that name it.
Drawn drawn_pairs(std::size_t items, const std::filesystem::path& folder) {
  constexpr std::array<std::array<std::uint8_t, 3>, 4> kColours = {
      {{210, 30, 40}, {30, 160, 60}, {40, 60, 200}, {230, 190, 20}}};
  const std::array<std::string, 4> names = {"red", "green", "blue", "yellow"};
  const std::array<std::string, 3> makers = {"from kobe", "from osaka", "made somewhere"};
  Drawn drawn;
  Rng rng(4);
  for (std::size_t i = 0; i < items; ++i) {
    Image picture{kSide, kSide, std::vector<std::uint8_t>(static_cast<std::size_t>(kSide * kSide * 3), 255)};
    const auto place = [&] { return static_cast<int>(rng.below(kSide - kThing - 8)) + 4; };
    const int left = place(), top = place();
    for (int y = top; y < top + kThing; ++y)
      for (int x = left; x < left + kThing; ++x)
        for (std::size_t c = 0; c < 3; ++c)
          picture.rgb[static_cast<std::size_t>(y * kSide + x) * 3 + c] = kColours[i % 4][c];
    drawn.pictures.push_back(std::move(picture));
    drawn.corners.emplace_back(left, top);
    drawn.texts.push_back("a " + names[i % 4] + " part " + makers[i % 3]);
    drawn.set.labels.push_back({static_cast<std::uint32_t>(i % 4)});
    (i % 8 == 7 ? drawn.set.validation : drawn.set.train).push_back(i);
  }
  drawn.set.label_values = 4;
  const auto words = folder / "words.txt";
  EXPECT_TRUE(write_file_atomically(words, "from\nred\ngreen\nblue\nyellow\nkobe\nosaka\nmade\nsomewhere\n"));
  drawn.set.image.tower = {"classic", {}, {}};
  drawn.set.text.tower = {"bow", {}, words};
  drawn.set.image.features =
      load_frozen_tower(drawn.set.image.tower, Modality::kImage).value()->encode_pictures(drawn.pictures).value();
  drawn.set.text.features =
      load_frozen_tower(drawn.set.text.tower, Modality::kText).value()->encode_texts(drawn.texts).value();
  return drawn;
}

class Attributes : public testing::TestWithParam<std::string_view> {
 protected:
  static constexpr std::size_t kLength = 1;  // the second of two code lengths

  struct Trained {
    Drawn drawn;
    std::unique_ptr<Encoder> encoder;
  };

  // Each method is trained once for all of its tests.
  static const Trained& trained(std::string_view method) {
    static std::map<std::string_view, Trained> all;
    Trained& one = all[method];
    if (one.encoder) return one;
    const auto folder = fresh_folder();
    one.drawn = drawn_pairs(48, folder);
    TrainOptions options{.bits = {8, 16}, .seed = 3, .epochs = 8, .space = "s"};
    if (method == "ccl") options.settings = {"patches=no", "phrases=no"};  // its rows are then the whole alone
    if (method == "cca-itq") options.bits = {4, 8};                        // it has no more than there are words
    SilentProgress progress;
    const auto report = train_method(method, one.drawn.set, options, folder / "space", progress);
    EXPECT_TRUE(report.has_value()) << report.error().message;
    one.encoder = load_encoder(folder / "space").value();
    return one;
  }

  const Drawn& drawn_ = trained(GetParam()).drawn;
  const Encoder* encoder_ = trained(GetParam()).encoder.get();

  EncoderInput input(std::size_t i) const {
    EncoderInput input;
    input.picture = &drawn_.pictures[i];
    input.text = drawn_.texts[i];
    return input;
  }

  std::vector<float> signs(const EncoderInput& of, Modality modality) const {
    const auto values = encoder_->values({&of, 1}, modality, kLength).value();
    std::vector<float> signs;
    for (const float value : values.row(0)) signs.push_back(value >= 0 ? 1.0F : -1.0F);
    return signs;
  }

  // sum of towards * tanh(value / scale), as encoder.h says, at another input than the one that gives the scale.
  double likeness(const EncoderInput& at, const EncoderInput& whole, Modality modality,
                  std::span<const float> towards) const {
    const auto values = encoder_->values({&at, 1}, modality, kLength).value();
    const auto own = encoder_->values({&whole, 1}, modality, kLength).value();
    double scale = 0;
    for (const float value : own.row(0)) scale += std::abs(double{value}) / static_cast<double>(own.cols());
    double sum = 0;
    for (std::size_t k = 0; k < towards.size(); ++k)
      sum += double{towards[k]} * std::tanh(double{values.row(0)[k]} / scale);
    return sum;
  }

  std::uint32_t distance(const EncoderInput& from, Modality modality, std::span<const float> towards) const {
    const auto now = signs(from, modality);
    std::uint32_t distance = 0;
    for (std::size_t k = 0; k < now.size(); ++k) distance += now[k] == towards[k] ? 0 : 1;
    return distance;
  }
};

TEST_P(Attributes, ValuesHaveTheSignsOfTheCode) {
  std::vector<EncoderInput> inputs = {input(0), input(1), input(2)};
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth}) {
    const auto codes = encoder_->encode(inputs, modality).value();
    for (std::size_t length = 0; length < 2; ++length) {
      const auto values = encoder_->values(inputs, modality, length);
      ASSERT_TRUE(values.has_value()) << values.error().message;
      EXPECT_TRUE(std::ranges::equal(pack_signs(*values).words(), codes[length].words()));
    }
  }
}

// A bag of words is the sum of its words, so their shares add up to what the whole text brings.
TEST_P(Attributes, SharesOfWordsAddUpToTheLikeness) {
  for (const std::size_t i : {0U, 5U, 10U}) {
    const auto whole = input(i);
    const auto towards = signs(whole, Modality::kImage);
    const auto found = encoder_->attribute(whole, Modality::kText, kLength, towards);
    ASSERT_TRUE(found.has_value()) << found.error().message;
    EXPECT_TRUE(found->patches.weights.empty());
    EncoderInput nothing;
    nothing.text = "";
    const double brought =
        likeness(whole, whole, Modality::kText, towards) - likeness(nothing, whole, Modality::kText, towards);
    double sum = 0;
    for (const WordWeight& word : found->words) sum += double{word.weight};
    EXPECT_EQ(found->words[0].weight, 0) << "'a' is not in the vocabulary";
    EXPECT_NEAR(sum, brought, 0.1 * std::abs(brought) + 0.3) << drawn_.texts[i];
  }
}

TEST_P(Attributes, PatchesWithNothingOnThemHaveNoShareAndTheThingHasMost) {
  std::size_t on_the_thing = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    const auto found = encoder_->attribute(input(i), Modality::kImage, kLength, signs(input(i), Modality::kText));
    ASSERT_TRUE(found.has_value()) << found.error().message;
    EXPECT_TRUE(found->words.empty());
    ASSERT_EQ(found->patches.rows, kCells);
    ASSERT_EQ(found->patches.columns, kCells);
    const auto [left, top] = drawn_.corners[i];
    constexpr int kCell = kSide / static_cast<int>(kCells);
    const auto touches = [&](std::size_t cell) {
      const int x = static_cast<int>(cell % kCells) * kCell, y = static_cast<int>(cell / kCells) * kCell;
      return x + kCell > left && x < left + kThing && y + kCell > top && y < top + kThing;
    };
    const auto& weights = found->patches.weights;
    for (std::size_t cell = 0; cell < weights.size(); ++cell)
      if (!touches(cell)) {
        EXPECT_EQ(weights[cell], 0) << "patch " << cell << " of picture " << i;
      }
    on_the_thing += touches(static_cast<std::size_t>(std::ranges::max_element(weights) - weights.begin()));
  }
  EXPECT_GE(on_the_thing, 5U);
}

TEST_P(Attributes, OfBothHalvesTellsOfBoth) {
  const auto found = encoder_->attribute(input(1), Modality::kBoth, kLength, signs(input(1), Modality::kText));
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_EQ(found->patches.weights.size(), kCells * kCells);
  EXPECT_EQ(found->words.size(), 5U);
  const auto some = [](float weight) { return weight != 0; };
  EXPECT_TRUE(std::ranges::any_of(found->patches.weights, some));
  EXPECT_TRUE(std::ranges::any_of(found->words, [&](const WordWeight& word) { return some(word.weight); }));
}

// The test by deletion: without the named patches (words) the codes come apart more than without as many others.
TEST_P(Attributes, NamedPatchesAndWordsHoldMoreThanOthers) {
  double named = 0, others = 0;
  Rng rng(7);
  for (std::size_t i = 0; i < 8; ++i) {
    const auto towards = signs(input(i), Modality::kText);
    const auto found = encoder_->attribute(input(i), Modality::kImage, kLength, towards).value();
    const auto apart = [&](std::span<const std::size_t> cells) {
      const Image blank = blank_patches(drawn_.pictures[i], {kCells, kCells}, cells);
      EncoderInput without;
      without.picture = &blank;
      return static_cast<double>(distance(without, Modality::kImage, towards)) -
             static_cast<double>(distance(input(i), Modality::kImage, towards));
    };
    std::vector<std::size_t> order(kCells * kCells);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::greater{}, [&](std::size_t cell) { return found.patches.weights[cell]; });
    named += apart(std::span(order).first(6));
    for (int draw = 0; draw < 4; ++draw) {
      shuffle(std::span(order), rng);
      others += apart(std::span(order).first(6)) / 4;
    }
  }
  EXPECT_GE(named, 2 * others);
}

INSTANTIATE_TEST_SUITE_P(Methods, Attributes, testing::ValuesIn(method_names().begin(), method_names().end()),
                         [](const auto& of) {
                           std::string name(of.param);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(AttributesOfGivenFeatures, AreNotToBeHad) {
  const TrainingSet set = synthetic_pairs(64, 4, 1);
  const auto folder = fresh_folder();
  SilentProgress progress;
  ASSERT_TRUE(train_method("contrastive", set, {.bits = {16}, .seed = 3, .epochs = 1, .space = "s"}, folder, progress));
  EncoderInput input;
  input.text = "red";
  const auto encoder = load_encoder(folder).value();
  const auto refused = encoder->attribute(input, Modality::kText, 0, std::vector<float>(16, 1));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kIncompatible);
}

// The towers that are trained with a method have patches, too.
TEST(AttributesOfTrainedTowers, AreThereAndFinite) {
  const auto folder = fresh_folder();
  const TrainingSet set = coloured_pairs(24, folder / "vocabulary.model");
  SilentProgress progress;
  ASSERT_TRUE(train_method("contrastive", set, {.bits = {16}, .seed = 1, .epochs = 1, .space = "s"}, folder / "space",
                           progress));
  const auto encoder = load_encoder(folder / "space").value();
  EncoderInput input;
  input.picture = set.image.pictures.data();
  input.text = set.text.texts.front();
  const auto found = encoder->attribute(input, Modality::kBoth, 0, std::vector<float>(16, 1));
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_EQ(found->patches.weights.size(), 36U);
  EXPECT_EQ(found->words.size(), 3U);
  for (const float weight : found->patches.weights) EXPECT_TRUE(std::isfinite(weight));
  for (const WordWeight& word : found->words) EXPECT_TRUE(std::isfinite(word.weight));
}

}  // namespace
}  // namespace warifu
