#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/file.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

using testing::ElementsAre;

// Three merges, so that start is 515 and end 516; a letter x is x - '!' (and 256 more at a word's end).
std::unique_ptr<Tokenizer> tiny_tokenizer() {
  const auto folder = std::filesystem::path(testing::TempDir()) / "clip_tokenizer";
  std::filesystem::create_directories(folder);
  EXPECT_TRUE(write_file_atomically(folder / "merges.txt", "title\nc a\nca t</w>\n' s</w>\n"));
  auto tokenizer = load_clip_tokenizer(folder / "merges.txt");
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return *std::move(tokenizer);
}

constexpr std::int32_t kStart = 515;
constexpr std::int32_t kEnd = 516;
constexpr std::int32_t kCat = 513;
std::int32_t last(char c) { return c - '!' + 256; }
std::int32_t inner(char c) { return c - '!'; }

TEST(ClipTokenizer, LowersCaseAndCollapsesSpaces) {
  const auto t = tiny_tokenizer();
  EXPECT_EQ(t->vocabulary_size(), 517U);
  EXPECT_THAT(t->encode("cat"), ElementsAre(kStart, kCat, kEnd));
  EXPECT_THAT(t->encode("\u3000 CAT \n\x1C Cat"), ElementsAre(kStart, kCat, kCat, kEnd));
  EXPECT_THAT(t->encode(""), ElementsAre(kStart, kEnd));
  EXPECT_THAT(t->encode(" \t "), ElementsAre(kStart, kEnd));
}

TEST(ClipTokenizer, CutsContractionsDigitsAndSymbols) {
  const auto t = tiny_tokenizer();
  EXPECT_THAT(t->encode("cat's"), ElementsAre(kStart, kCat, 514, kEnd));
  EXPECT_THAT(t->encode("cat\u2019s"), testing::SizeIs(3 + 3 + 1)) << "a typographic apostrophe is a symbol";
  EXPECT_THAT(t->encode("12"), ElementsAre(kStart, last('1'), last('2'), kEnd)) << "every digit is a word";
  EXPECT_THAT(t->encode("cat?!cat"), ElementsAre(kStart, kCat, inner('?'), last('!'), kCat, kEnd));
  EXPECT_THAT(t->encode("?'s"), ElementsAre(kStart, inner('?'), last('\''), last('s'), kEnd))
      << "a run of symbols takes the apostrophe";
}

TEST(ClipTokenizer, ResolvesCharacterReferencesTwice) {
  const auto t = tiny_tokenizer();
  EXPECT_EQ(t->encode("a &amp;lt; b"), t->encode("a < b"));
  EXPECT_EQ(t->encode("cat&nbsp;cat"), t->encode("cat cat"));
}

TEST(ClipTokenizer, KnowsItsSpecialTokensInAText) {
  const auto t = tiny_tokenizer();
  EXPECT_THAT(t->encode("<|startoftext|>cat<|endoftext|>"), ElementsAre(kStart, kStart, kCat, kEnd, kEnd));
}

TEST(ClipTokenizer, ReadsMalformedBytesAsReplacementCharacters) {
  const auto t = tiny_tokenizer();
  EXPECT_EQ(t->encode("cat\xFF"), t->encode("cat\uFFFD"));
  EXPECT_EQ(t->encode("\xE5\x9B"), t->encode("\uFFFD"));
}

TEST(ClipTokenizer, IsNamedByItsMerges) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "clip_tokenizer";
  const auto t = tiny_tokenizer();
  ASSERT_TRUE(write_file_atomically(folder / "other.txt", "title\nc a\nca r</w>\n' s</w>\n"));
  ASSERT_TRUE(write_file_atomically(folder / "renamed.txt", "another title\nc a\nca t</w>\n' s</w>\n"));
  EXPECT_NE((*load_clip_tokenizer(folder / "other.txt"))->fingerprint(), t->fingerprint());
  EXPECT_EQ((*load_clip_tokenizer(folder / "renamed.txt"))->fingerprint(), t->fingerprint());
}

TEST(ClipTokenizer, GivesTheSameIdsFromManyThreads) {
  const auto t = tiny_tokenizer();
  const std::string text = "A cat's CAT, 42 図面";
  const auto expected = t->encode(text);
  std::vector<std::vector<std::int32_t>> got(4);
  {
    std::vector<std::jthread> threads;
    for (auto& ids : got)
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) ids = t->encode(text);
      });
  }
  EXPECT_THAT(got, testing::Each(expected));
}

TEST(PadClipTokens, PadsWithZerosAndKeepsTheEndOfALongRow) {
  const std::vector<std::int32_t> ids = {9, 1, 2, 3, 8};
  EXPECT_THAT(pad_clip_tokens(ids, 7), ElementsAre(9, 1, 2, 3, 8, 0, 0));
  EXPECT_THAT(pad_clip_tokens(ids, 5), ElementsAre(9, 1, 2, 3, 8));
  EXPECT_THAT(pad_clip_tokens(ids, 4), ElementsAre(9, 1, 2, 8));
  EXPECT_THAT(pad_clip_tokens(ids, 1), ElementsAre(8));
  EXPECT_THAT(pad_clip_tokens(ids, 0), ElementsAre());
  EXPECT_THAT(pad_clip_tokens({}, 2), ElementsAre(0, 0));
}

}  // namespace
}  // namespace warifu
