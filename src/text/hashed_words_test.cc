#include "text/hashed_words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace warifu {
namespace {

std::vector<float> hashed(std::string_view text) {
  std::vector<float> out(kHashedWords, 7.0F);
  hash_words(text, out);
  return out;
}

TEST(HashedWords, MarksEachWordOnceWhateverItsCaseAndPlace) {
  const auto row = hashed("Red shirt, red hat");
  EXPECT_EQ(std::accumulate(row.begin(), row.end(), 0.0F), 3.0F);
  EXPECT_EQ(row, hashed("hat SHIRT red"));
  EXPECT_NE(row, hashed("red shirt"));
}

TEST(HashedWords, HasAPlaceForAnyWordAndNoneForNoWord) {
  const auto nothing = hashed(" ,.");
  EXPECT_EQ(std::count(nothing.begin(), nothing.end(), 0.0F), static_cast<std::ptrdiff_t>(kHashedWords));
  const auto rare = hashed("umbrella");
  EXPECT_EQ(std::count(rare.begin(), rare.end(), 1.0F), 1);
}

// Where a word lies is part of every stored feature and trained space.
TEST(HashedWords, KeepsThePlacesOfWords) {
  const auto row = hashed("umbrella");
  EXPECT_EQ(std::find(row.begin(), row.end(), 1.0F) - row.begin(), 1776);
}

}  // namespace
}  // namespace warifu
