#include "engine/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/explain_overlay.h"
#include "engine/explain_sentence.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Four bits that say how much of the picture's left half is dark, whether the text has "red", "green" and "blue"; a
// picture has no words and a text no darkness. The gradients are what a person would say.
class FourBits final : public Encoder {
 public:
  std::span<const CodeSpace> spaces() const override { return {&space_, 1}; }
  bool encodes_raw(Modality) const override { return true; }
  PictureFormat picture_format() const override { return {4, ImageFit::kLetterbox, Resampling::kBilinear}; }

  Result<std::vector<CodeMatrix>> encode(std::span<const EncoderInput> inputs, Modality modality) const override {
    return std::vector{pack_signs(values(inputs, modality, 0).value())};
  }

  Result<FloatMatrix> values(std::span<const EncoderInput> inputs, Modality modality, std::size_t) const override {
    FloatMatrix rows(inputs.size(), 4);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      std::ranges::fill(rows.row(i), -1.0F);
      if (modality != Modality::kText) rows.row(i)[0] = inputs[i].picture->rgb[0] < 100 ? 1.0F : -1.0F;
      if (modality == Modality::kImage) continue;
      constexpr std::array kWords = {"red", "green", "blue"};
      for (std::size_t w = 0; w < kWords.size(); ++w)
        if (inputs[i].text->find(kWords[w]) != std::string_view::npos) rows.row(i)[1 + w] = 1;
    }
    return rows;
  }

  Result<Attribution> attribute(const EncoderInput& input, Modality modality, std::size_t,
                                std::span<const float> towards) const override {
    Attribution found;
    if (modality != Modality::kText) found.patches = {1, 2, {towards[0] * 4, 0}};
    if (modality == Modality::kImage) return found;
    for (std::size_t begin = 0; begin < input.text->size();) {
      const auto end = std::min(input.text->find(' ', begin), input.text->size());
      const auto word = input.text->substr(begin, end - begin);
      const float weight = word == "red" ? towards[1] : word == "green" ? towards[2] : word == "blue" ? towards[3] : 0;
      found.words.push_back({begin, end, weight});
      begin = end + 1;
    }
    return found;
  }

 private:
  CodeSpace space_{.name = "s", .method = "m", .fingerprint = "f", .bits = 4, .generation = 1};
};

Image picture(std::uint8_t left) {
  Image image{4, 4, std::vector<std::uint8_t>(48, 255)};
  for (std::size_t y = 0; y < 4; ++y)
    for (std::size_t b = 0; b < 6; ++b) image.rgb[y * 12 + b] = left;
  return image;
}

ExplainContent text(std::string words) { return {std::move(words), std::nullopt, 1}; }

Explanation explained(const ExplainContent& query, const ExplainContent& item, std::optional<Modality> half = {}) {
  const FourBits encoder;
  auto explanation = explain_match(encoder, encoder.spaces()[0], query, item, half);
  EXPECT_TRUE(explanation.has_value()) << explanation.error().message;
  return std::move(*explanation);
}

TEST(ExplainMatch, SaysWhichBitsDifferAndWhichWordsHoldTheOthers) {
  const auto found = explained(text("a red and green thing"), text("red with blue"));
  EXPECT_EQ(found.distance, 2U);
  EXPECT_THAT(found.differing, ElementsAre(2, 3));
  EXPECT_EQ(found.item.modality, Modality::kText);
  ASSERT_EQ(found.query.words.size(), 5U);
  const ExplainedWord& red = found.query.words[1];
  EXPECT_TRUE(red.named);
  EXPECT_EQ(red.weight, 1);
  EXPECT_THAT(red.bits, ElementsAre(1));
  const ExplainedWord& green = found.query.words[3];
  EXPECT_FALSE(green.named);
  EXPECT_EQ(green.weight, -1);
  EXPECT_THAT(green.bits, IsEmpty());
}

TEST(ExplainMatch, NamesAWordThatStandsTwiceAtBothPlaces) {
  const auto found = explained(text("red or red"), text("red"));
  EXPECT_TRUE(found.query.words[0].named);
  EXPECT_TRUE(found.query.words[2].named);
  // Only without both of them is the bit lost.
  EXPECT_THAT(found.query.words[2].bits, ElementsAre(1));
}

TEST(ExplainMatch, LooksAtTheNearerHalfUnlessOneIsNamed) {
  ExplainContent item = text("blue");
  item.picture = picture(255);
  EXPECT_EQ(explained(text("blue"), item).item.modality, Modality::kText);
  EXPECT_EQ(explained(text("blue"), item, Modality::kImage).item.modality, Modality::kImage);
  item.text.reset();
  EXPECT_EQ(explained(text("blue"), item).item.modality, Modality::kImage);
  const FourBits encoder;
  const auto refused = explain_match(encoder, encoder.spaces()[0], text("blue"), item, Modality::kText);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

TEST(ExplainMatch, NamesThePatchAndWhatIsLostWithoutIt) {
  ExplainContent query, item;
  query.picture = picture(0);
  item.picture = picture(20);
  const auto found = explained(query, item);
  EXPECT_EQ(found.distance, 0U);
  EXPECT_THAT(found.item.patches.weights, ElementsAre(1, 0));
  ASSERT_EQ(found.item.named_patches.size(), 1U);
  EXPECT_EQ(found.item.named_patches[0].column, 0U);
  EXPECT_THAT(found.item.named_patches[0].bits, ElementsAre(0));
}

TEST(ExplainMatch, RefusesAModelThatIsNotTheOneOfTheCodes) {
  const FourBits encoder;
  CodeSpace other = encoder.spaces()[0];
  other.fingerprint = "g";
  const auto refused = explain_match(encoder, other, text("red"), text("red"), {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kIncompatible);
}

TEST(ExplainMatch, ExplainsTheCodeThatIsStored) {
  const FourBits encoder;
  const ExplainContent words = text("red");
  StoredCodes stored;
  // As an older model made it: green, too.
  stored.item = [](Modality) { return pack_signs(FloatMatrix(1, 4, {-1, 1, 1, -1})); };
  const auto found = explain_match(encoder, encoder.spaces()[0], words, words, Modality::kText, stored);
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_EQ(found->distance, 1U);
  EXPECT_THAT(found->differing, ElementsAre(2));
}

TEST(ExplainMatch, RefusesATextWhoseWordsWouldTakeForEver) {
  const FourBits encoder;
  const auto refused =
      explain_match(encoder, encoder.spaces()[0], text(std::string(kMostExplainedBytes + 1, 'x')), text("red"), {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

TEST(FrameOf, SaysWhereTheEncoderSawThePicture) {
  const auto frame = [](ImageFit fit, double aspect) {
    const PictureFrame found = frame_of({224, fit, Resampling::kBilinear}, aspect);
    return std::vector{found.x, found.y, found.width, found.height};
  };
  EXPECT_THAT(frame(ImageFit::kStretch, 3), ElementsAre(0, 0, 1, 1));
  // Twice as wide as high: half a height of border above and below.
  EXPECT_THAT(frame(ImageFit::kLetterbox, 2), ElementsAre(0, -0.5, 1, 2));
  EXPECT_THAT(frame(ImageFit::kLetterbox, 0.5), ElementsAre(-0.5, 0, 2, 1));
  // Only the middle square is seen.
  EXPECT_THAT(frame(ImageFit::kCenterCrop, 2), ElementsAre(0.25, 0, 0.5, 1));
  EXPECT_THAT(frame(ImageFit::kCenterCrop, 0.5), ElementsAre(0, 0.25, 1, 0.5));
}

TEST(ExplainSentence, NamesTheReasonsInBothLanguages) {
  ExplainContent item = text("red with blue");
  const auto found = explained(text("red and green"), item);
  EXPECT_EQ(explain_sentence(found, Language::kEnglish),
            "2 of 4 bits agree, mostly because of “red” in the query and “red” in its text; “green” and “blue” speak "
            "against it.");
  EXPECT_EQ(explain_sentence(found, Language::kJapanese),
            "4ビット中2ビットが一致し、主な決め手は検索語「red」と説明文の「red」です（「green」「blue」は逆に働いてい"
            "ます）。");
}

TEST(ExplainSentence, SaysWhereOnThePicture) {
  ExplainContent query, item;
  query.picture = picture(0);
  item.picture = picture(0);
  EXPECT_EQ(explain_sentence(explained(query, item), Language::kEnglish),
            "4 of 4 bits agree, mostly because of the left of the query picture and the left of its picture.");
  EXPECT_THAT(explain_sentence(explained(query, item), Language::kJapanese), HasSubstr("検索画像の左と登録画像の左"));
}

TEST(ExplainSentence, HasNoReasonsWhereThereAreNone) {
  EXPECT_EQ(explain_sentence(explained(text("x"), text("y")), Language::kEnglish), "4 of 4 bits agree.");
  EXPECT_EQ(explain_sentence(explained(text("x"), text("y")), Language::kJapanese),
            "4ビット中4ビットが一致しています。");
  EXPECT_FALSE(parse_language("fr"));
}

TEST(DrawPatches, ColoursWhatPullsAndWhatPushesWhereTheFrameSays) {
  ExplainedSide side;
  side.patches = {1, 2, {1, -1}};
  side.frame = {0, 0, 1, 1};
  const Image grey{8, 4, std::vector<std::uint8_t>(96, 128)};
  const Image drawn = draw_patches(grey, side);
  const auto red = [&](std::size_t x) { return drawn.rgb[x * 3]; };
  const auto blue = [&](std::size_t x) { return drawn.rgb[x * 3 + 2]; };
  EXPECT_LT(red(0), blue(0));
  EXPECT_GT(red(7), blue(7));
  side.frame = {0.5, 0, 1, 1};  // the raster begins in the middle and reaches beyond the picture
  const Image shifted = draw_patches(grey, side);
  EXPECT_EQ(shifted.rgb[0], 128);
  EXPECT_LT(shifted.rgb[7 * 3], 128);
}

}  // namespace
}  // namespace warifu
