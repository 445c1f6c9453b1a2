#include "segments/code_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codes/random_codes_for_test.h"

namespace warifu {
namespace {

using testing::ElementsAre;

TEST(CodeBytes, HaveTheFirstBitOfACodeLowestInItsFirstByte) {
  CodeMatrix codes(2, 12, {0xABC, 0x001});
  EXPECT_THAT(code_bytes(codes, 0, 2), ElementsAre(0xBC, 0x0A, 0x01, 0x00));
  EXPECT_THAT(code_bytes(codes, 1, 2), ElementsAre(0x01, 0x00));
  EXPECT_TRUE(code_bytes(codes, 1, 1).empty());
}

TEST(CodeBytes, BecomeTheSameCodesAgain) {
  Rng rng(1);
  for (const std::size_t bits : {1UL, 8UL, 9UL, 64UL, 65UL, 200UL}) {
    const CodeMatrix codes = random_codes(17, bits, rng);
    const CodeMatrix again = codes_from_bytes(code_bytes(codes, 0, 17), bits);
    EXPECT_EQ(again.count(), 17U);
    EXPECT_EQ(again.bits(), bits);
    EXPECT_TRUE(std::ranges::equal(again.words(), codes.words())) << bits;
  }
}

}  // namespace
}  // namespace warifu
