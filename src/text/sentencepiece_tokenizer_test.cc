#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"
#include "base/rng.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::Not;

std::unique_ptr<Tokenizer> trained(const std::vector<std::string>& texts, std::size_t vocabulary = 1000) {
  const auto path = fresh_folder() / "text.model";
  const auto done = train_sentencepiece(texts, vocabulary, path);
  EXPECT_TRUE(done) << done.error().message;
  auto tokenizer = load_sentencepiece(path);
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? *std::move(tokenizer) : nullptr;
}

// Captions of a small shop, in two languages.
std::vector<std::string> captions(std::size_t count) {
  const std::vector<std::string> colours = {"Navy Blue", "Red", "Green", "Black"};
  const std::vector<std::string> things = {"Shirt", "Trousers", "Watch", "Handbag"};
  const std::vector<std::string> japanese = {"赤いシャツ", "青いズボン", "黒い腕時計", "緑のハンドバッグ"};
  Rng rng(3);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) {
    texts.push_back("Turtle " + colours[rng.below(4)] + " " + things[rng.below(4)]);
    texts.push_back(japanese[rng.below(4)] + "、" + japanese[rng.below(4)]);
  }
  return texts;
}

TEST(SentencePiece, LearnsWholeWordsOfItsTexts) {
  const auto t = trained(captions(200));
  ASSERT_TRUE(t);
  EXPECT_LE(t->vocabulary_size(), 1000U);
  EXPECT_GT(t->vocabulary_size(), 259U);
  EXPECT_LE(t->encode("Turtle Navy Blue Shirt").size(), 5U)
      << "four words, also those that always stand last, and the end";
  EXPECT_LE(t->encode("赤いシャツ").size(), 5U);
  EXPECT_EQ(t->encode("shirt").back(), 2) << "the end token";
}

TEST(SentencePiece, ReadsCaseAndWidthAsTheSame) {
  const auto t = trained(captions(50));
  ASSERT_TRUE(t);
  EXPECT_EQ(t->encode("NAVY  blue"), t->encode("Navy Blue"));
  EXPECT_EQ(t->encode("ｼｬﾂ"), t->encode("シャツ"));
  EXPECT_EQ(t->encode("ＲＥＤ"), t->encode("red"));
}

TEST(SentencePiece, NeverGivesPaddingOrUnknown) {
  const auto t = trained(captions(50));
  ASSERT_TRUE(t);
  for (const std::string text : {"<pad>", "<unk> </s>", "未知の漢字 😀 ¶", "\xFF\xFE", "\x01", "▁ ▅"}) {
    const auto ids = t->encode(text);
    EXPECT_THAT(ids, Each(Ge(2))) << text;
    EXPECT_THAT(ids, Each(testing::Lt(static_cast<std::int32_t>(t->vocabulary_size())))) << text;
    EXPECT_EQ(std::count(ids.begin(), ids.end(), 2), 1) << text;
  }
  EXPECT_THAT(t->encode(""), ElementsAre(2));
  EXPECT_THAT(t->encode(" \n"), ElementsAre(2));
  EXPECT_NE(t->encode("鋼"), t->encode("鉄")) << "bytes tell unseen characters apart";
}

TEST(SentencePiece, GivesTheSameBytesForTheSameTexts) {
  const auto folder = fresh_folder();
  const auto texts = captions(100);
  ASSERT_TRUE(train_sentencepiece(texts, 600, folder / "a.model"));
  ASSERT_TRUE(train_sentencepiece(texts, 600, folder / "b.model"));
  EXPECT_EQ(*read_text_file(folder / "a.model", 1 << 24), *read_text_file(folder / "b.model", 1 << 24));
  EXPECT_EQ((*load_sentencepiece(folder / "a.model"))->fingerprint(),
            (*load_sentencepiece(folder / "b.model"))->fingerprint());
}

TEST(SentencePiece, TakesVeryFewTexts) {
  const std::vector<std::vector<std::string>> corpora = {
      {"a"}, {"図"}, {"aa"}, {"x y"}, {"a", "a", "a"}, {"", "-", ""}, {"😀"}, {"5"}, {"赤い靴", "red shoes"}};
  for (const auto& texts : corpora) {
    const auto t = trained(texts, 8000);
    ASSERT_TRUE(t) << texts.front();
    EXPECT_LT(t->vocabulary_size(), 400U);
    EXPECT_GE(t->encode(texts.back().empty() ? texts[1] : texts.back()).size(), 2U);
  }
}

TEST(SentencePiece, LeavesRoomForWordsWhereCharactersAreMany) {
  std::vector<std::string> texts;
  Rng rng(8);
  for (int i = 0; i < 400; ++i) {  // 1,000 kinds of kanji, one word in every text
    std::string text = "仕様書";
    for (int k = 0; k < 20; ++k) {
      const auto c = static_cast<char32_t>(0x4E00 + rng.below(1000));
      text += static_cast<char>(0xE0 | (c >> 12));
      text += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
      text += static_cast<char>(0x80 | (c & 0x3F));
    }
    texts.push_back(text);
  }
  const auto t = trained(texts, kMinPieces);
  ASSERT_TRUE(t);
  EXPECT_LE(t->vocabulary_size(), kMinPieces);
  EXPECT_LT(t->encode("仕様書").size(), 9U) << "fewer than its bytes";
}

TEST(SentencePiece, CutsLongTextsInsteadOfSkippingThem) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "bearing housing ";
  const auto t = trained({text});
  ASSERT_TRUE(t);
  EXPECT_LE(t->encode("bearing housing").size(), 4U);
}

TEST(SentencePiece, RefusesToLearnFromNothing) {
  const auto path = fresh_folder() / "m";
  const std::vector<std::string> blank = {"", " \t", "\u3000", "▅"};
  EXPECT_EQ(train_sentencepiece({}, 1000, path).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(train_sentencepiece(blank, 1000, path).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(train_sentencepiece(captions(1), kMinPieces - 1, path).error().code, ErrorCode::kInvalidArgument);
  const std::vector<std::string> malformed = {"ok", "\xFF"};
  const auto refused = train_sentencepiece(malformed, 1000, path);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("text 1: "));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(SentencePiece, RefusesModelsThatAreDamagedOrOfAnotherProgram) {
  const auto folder = fresh_folder();
  ASSERT_TRUE(train_sentencepiece(captions(20), 400, folder / "good.model"));
  const std::string good = *read_text_file(folder / "good.model", 1 << 24);
  const auto code_of = [&](std::string_view bytes) {
    EXPECT_TRUE(write_file_atomically(folder / "bad.model", bytes));
    const auto loaded = load_sentencepiece(folder / "bad.model");
    return loaded ? std::optional<ErrorCode>() : loaded.error().code;
  };
  EXPECT_EQ(code_of(good), std::nullopt);
  EXPECT_EQ(code_of(""), ErrorCode::kBadFormat);
  EXPECT_EQ(code_of("not a model"), ErrorCode::kBadFormat);
  EXPECT_EQ(code_of(std::string_view("\x0A\xFF\xFF\xFF\xFF\x0F", 6)), ErrorCode::kBadFormat);
  // normalizer_spec { precompiled_charsmap: "abcd" } in front of ours
  EXPECT_EQ(code_of("\x1A\x06\x12\x04"
                    "abcd" +
                    good),
            ErrorCode::kIncompatible);
  EXPECT_EQ(code_of(good + "\x2A\x06\x12\x04"
                           "abcd"),
            ErrorCode::kIncompatible);
  EXPECT_EQ(load_sentencepiece(folder / "none").error().code, ErrorCode::kNotFound);
  Rng rng(1);
  for (int round = 0; round < 150; ++round) {  // must not crash; some changes are harmless
    std::string bytes = good;
    if (round % 3 == 0) bytes.resize(rng.below(bytes.size()));
    for (int i = 0; i < 3 && !bytes.empty(); ++i) bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
    std::ofstream(folder / "bad.model", std::ios::binary | std::ios::trunc) << bytes;
    const auto loaded = load_sentencepiece(folder / "bad.model");
    if (!loaded) continue;
    EXPECT_THAT((*loaded)->encode("Navy Blue 図"), Not(testing::IsEmpty()));
  }
}

}  // namespace
}  // namespace warifu
