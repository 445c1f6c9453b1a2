#include "text/phrases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Phrases, AreCutAtPunctuation) {
  EXPECT_THAT(split_phrases("Blue shirt, made of cotton. Size 3.5 (new)!", 8),
              ElementsAre("blue shirt", "made of cotton", "size 3.5", "new"));
  EXPECT_THAT(split_phrases("赤い靴、青い空。「白い雲」", 8), testing::SizeIs(3));
}

TEST(Phrases, OfAShortTextAreItsNeighbouringWords) {
  EXPECT_THAT(split_phrases("Turtle Men Navy Shirt", 8), ElementsAre("turtle men", "men navy", "navy shirt"));
  EXPECT_THAT(split_phrases("Navy Shirt", 8), ElementsAre("navy shirt"));
  EXPECT_THAT(split_phrases("Shirt", 8), ElementsAre("shirt"));
}

TEST(Phrases, OfALongSentenceAreRunsOfNearlyOneLength) {
  std::string text;
  for (char c = 'a'; c <= 'z'; ++c) (text += std::string(2, c)) += ' ';
  text += ". end";
  const auto phrases = split_phrases(text, 8);
  ASSERT_EQ(phrases.size(), 4U);
  EXPECT_EQ(phrases[0], "aa bb cc dd ee ff gg hh");
  EXPECT_EQ(phrases[3], "end");
}

TEST(Phrases, AreJoinedWhereThereAreTooMany) {
  EXPECT_THAT(split_phrases("one. two. three. four. five", 2), ElementsAre("one two", "three four five"));
  EXPECT_THAT(split_phrases("one. two. three", 1), ElementsAre("one two three"));
}

TEST(Phrases, OfATextWithoutWordsAreNone) {
  EXPECT_THAT(split_phrases("", 4), IsEmpty());
  EXPECT_THAT(split_phrases("... !! \xFF", 4), IsEmpty());
}

}  // namespace
}  // namespace warifu
