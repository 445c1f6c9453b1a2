#include "text/normalize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(FirstInvalidUtf8, AcceptsEveryLengthAndTheLastCodePoint) {
  EXPECT_EQ(first_invalid_utf8(""), std::string_view::npos);
  EXPECT_EQ(first_invalid_utf8("a\xC3\xA9\xE5\x9B\xB3\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF"), std::string_view::npos);
  EXPECT_EQ(first_invalid_utf8(std::string_view("\0", 1)), std::string_view::npos);
}

TEST(FirstInvalidUtf8, NamesTheFirstByteOfWhatIsMalformed) {
  EXPECT_EQ(first_invalid_utf8("ab\xFFz"), 2U);
  EXPECT_EQ(first_invalid_utf8("ab\x80"), 2U) << "a continuation alone";
  EXPECT_EQ(first_invalid_utf8("a\xC0\xAF"), 1U) << "overlong /";
  EXPECT_EQ(first_invalid_utf8("a\xE0\x80\xAF"), 1U) << "overlong in three bytes";
  EXPECT_EQ(first_invalid_utf8("\xED\xA0\x80"), 0U) << "a surrogate";
  EXPECT_EQ(first_invalid_utf8("\xF4\x90\x80\x80"), 0U) << "U+110000";
  EXPECT_EQ(first_invalid_utf8("x\xE5\x9B"), 1U) << "cut short";
}

TEST(DecodeUtf8, RoundTripsEveryScalarValue) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c == 0xD800) c = 0xE000;
    std::string bytes;
    append_utf8(c, bytes);
    const Utf8Step step = decode_utf8(bytes, 0);
    ASSERT_TRUE(step.valid && step.value == c && step.length == bytes.size()) << static_cast<std::uint32_t>(c);
  }
}

TEST(RepairUtf8, PutsOneReplacementForEachLongestMalformedPiece) {
  // The Unicode Standard, 3.9, table 3-8: 61 F1 80 80 E1 80 C2 62 80 63 80 BF 64
  EXPECT_EQ(repair_utf8("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
            "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
}

TEST(Utf8Prefix, NeverCutsACharacter) {
  EXPECT_EQ(utf8_prefix("図面", 6), "図面");
  EXPECT_EQ(utf8_prefix("図面", 5), "図");
  EXPECT_EQ(utf8_prefix("図面", 3), "図");
  EXPECT_EQ(utf8_prefix("図面", 2), "");
}

TEST(NormalizeText, FoldsWidthLigaturesAndSpaces) {
  EXPECT_EQ(normalize_text("ＡＢＣ１２３　ｶﾞｲﾄﾞ"), "ABC123 ガイド");
  EXPECT_EQ(normalize_text("e\u0301 \uFB01t \u2460"), "\u00E9 fit 1");
  EXPECT_EQ(normalize_text("  a\t\tb\r\n\u00A0c  "), "a b c");
  EXPECT_EQ(normalize_text(std::string_view("a\0b\x7F\x1B[0m", 8)), "a b [0m");
  EXPECT_EQ(normalize_text(""), "");
  EXPECT_EQ(normalize_text(" \n\u3000"), "");
}

TEST(NormalizeText, ChangesNothingTheSecondTime) {
  for (const char* text : {"\t\u0301x", "a\u00A0\u0308", "①㌔ﾊﾟ", "\u1100\u1161\u11A8", "\uFDFA"}) {
    const auto once = normalize_text(text);
    ASSERT_TRUE(once);
    EXPECT_EQ(normalize_text(*once), *once);
  }
}

TEST(NormalizeText, RefusesMalformedAndEndlessText) {
  const auto malformed = normalize_text("caf\xE9");
  ASSERT_FALSE(malformed);
  EXPECT_EQ(malformed.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(malformed.error().message, testing::HasSubstr("byte 3"));
  EXPECT_EQ(normalize_text(std::string(kMaxTextBytes + 1, 'a')).error().code, ErrorCode::kInvalidArgument);
}

TEST(SplitWords, CutsJapaneseByDictionary) {
  EXPECT_THAT(split_words("図面と仕様書を照合する"), ElementsAre("図面", "と", "仕様", "書", "を", "照合", "する"));
}

TEST(SplitWords, LowersCaseAndDropsPunctuation) {
  EXPECT_THAT(split_words("Turtle Check Men's  SHIRT, (2.5mm)!"),
              ElementsAre("turtle", "check", "men's", "shirt", "2.5mm"));
  EXPECT_THAT(split_words("Straße ΛΌΓΟΣ"), ElementsAre("straße", "λόγος"));
  EXPECT_THAT(split_words(""), IsEmpty());
  EXPECT_THAT(split_words(" — … "), IsEmpty());
}

TEST(SplitWords, DropsMalformedBytes) {
  EXPECT_THAT(split_words("re\xFF"
                          "d b\xE5lue"),
              ElementsAre("red", "blue"));
}

TEST(LocateWords, FindsTheWordsOfSplitWordsWhereTheyStand) {
  const std::string text = "Men's  BLUE 図面を、straße!";
  std::vector<std::string> words, places;
  for (const LocatedWord& word : locate_words(text)) {
    words.push_back(word.word);
    places.push_back(text.substr(word.begin, word.end - word.begin));
  }
  EXPECT_EQ(words, split_words(text));
  EXPECT_THAT(places, ElementsAre("Men's", "BLUE", "図面", "を", "straße"));
  EXPECT_THAT(locate_words("、 …"), IsEmpty());
}

TEST(WithoutRanges, PutsASpaceInTheirPlaces) {
  const std::vector<TextRange> ranges = {{0, 1}, {4, 6}};
  EXPECT_EQ(without_ranges("a bc de f", ranges), "  bc e f");
  EXPECT_EQ(without_ranges("abc", {}), "abc");
}

TEST(LowerCase, IsThatOfNoParticularLanguage) {
  EXPECT_EQ(lower_case("TITLE Ü Ａ 図"), "title ü ａ 図");
  EXPECT_EQ(lower_case("A\xFF"), "a\uFFFD");
}

}  // namespace
}  // namespace warifu
