#include "text/bag_of_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> kTexts = {"red red red shirt", "Blue shirt", "blue trousers", "red hat", "shirt"};

TEST(BagOfWords, RanksWordsByTheNumberOfTextsAndTiesByName) {
  // shirt: 3 texts; blue and red: 2 (three times in one text count once); hat, trousers: 1
  EXPECT_THAT(BagOfWords::learn(kTexts, 10).words(), ElementsAre("shirt", "blue", "red", "hat", "trousers"));
  EXPECT_THAT(BagOfWords::learn(kTexts, 2).words(), ElementsAre("shirt", "blue"));
  EXPECT_EQ(BagOfWords::learn({}, 10).size(), 0U);
}

TEST(BagOfWords, MarksTheWordsOfATextOnce) {
  const BagOfWords bag = BagOfWords::learn(kTexts, 3);
  std::vector<float> out(3, 7.0F);
  bag.encode("RED, red and unknown: shirt", out);
  EXPECT_THAT(out, ElementsAre(1.0F, 0.0F, 1.0F));
  bag.encode("", out);
  EXPECT_THAT(out, ElementsAre(0.0F, 0.0F, 0.0F));
}

TEST(BagOfWords, CutsJapaneseTexts) {
  const BagOfWords bag = BagOfWords::learn(std::vector<std::string>{"赤いシャツ", "青いシャツ"}, 1);
  EXPECT_THAT(bag.words(), ElementsAre("シャツ"));
}

TEST(BagOfWords, ComesBackFromItsFileInTheSameOrder) {
  const auto path = fresh_folder() / "words.txt";
  const BagOfWords bag = BagOfWords::learn(kTexts, 10);
  ASSERT_TRUE(bag.save(path));
  const auto loaded = BagOfWords::load(path);
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->words(), testing::ElementsAreArray(bag.words().begin(), bag.words().end()));
  std::vector<float> out(5);
  loaded->encode("red hat", out);
  EXPECT_THAT(out, ElementsAre(0.0F, 0.0F, 1.0F, 1.0F, 0.0F));
}

TEST(BagOfWords, NamesTheLineOfADamagedFile) {
  const auto folder = fresh_folder();
  const auto error_of = [&](std::string_view text) {
    EXPECT_TRUE(write_file_atomically(folder / "w.txt", text));
    const auto loaded = BagOfWords::load(folder / "w.txt");
    return loaded ? Error{ErrorCode::kInternal, "loaded", ""} : loaded.error();
  };
  EXPECT_THAT(error_of("b\na\nb\n").message, HasSubstr("w.txt:3: word 'b'"));
  EXPECT_THAT(error_of("b\n\nc\n").message, HasSubstr("w.txt:2: empty"));
  EXPECT_THAT(error_of("b\n\xFF\n").message, HasSubstr("w.txt:2: not UTF-8"));
  EXPECT_EQ(error_of("b\n\xFF\n").code, ErrorCode::kBadFormat);
  EXPECT_EQ(BagOfWords::load(folder / "none").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace warifu
