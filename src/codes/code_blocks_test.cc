#include "codes/code_blocks.h"

#include <gtest/gtest.h>

#include "codes/random_codes_for_test.h"

namespace warifu {
namespace {

TEST(CodeBlocks, PutTheSameByteOfTheCodesOfABlockSideBySide) {
  CodeMatrix codes(66, 16);
  for (std::size_t i = 0; i < 66; ++i) codes.row(i)[0] = 256 * (100 + i) + i;
  const CodeBlocks blocks(codes);
  const std::uint8_t* planes = blocks.view().planes;
  EXPECT_EQ(blocks.view().block_bytes(), 2U * 64 * 2);
  EXPECT_EQ(planes[0], 0);
  EXPECT_EQ(planes[63], 63);
  EXPECT_EQ(planes[64], 100);
  EXPECT_EQ(planes[64 + 63], 163);
  EXPECT_EQ(planes[128], 64);  // code 64 begins the second block
  EXPECT_EQ(planes[128 + 1], 65);
  EXPECT_EQ(planes[128 + 2], 0);  // nothing behind the last code
  EXPECT_EQ(planes[128 + 64 + 1], 165);
  EXPECT_EQ(blocks.view().byte(65, 1), 165);
}

TEST(CodeBlocks, GiveBackTheRowsTheyWereCutFrom) {
  Rng rng(1);
  for (const std::size_t bits : {1, 3, 8, 16, 63, 64, 65, 128, 200, 256, 1000})
    for (const std::size_t count : {0, 1, 63, 64, 65, 200}) {
      const CodeMatrix codes = random_codes(count, bits, rng);
      const CodeBlocks blocks(codes);
      const CodeMatrix again = unblock(blocks.view());
      ASSERT_EQ(again.count(), count);
      EXPECT_TRUE(std::ranges::equal(again.words(), codes.words())) << bits << " bits, " << count << " codes";
      if (count < 65) continue;
      const CodeMatrix part = unblock(blocks.view(), 60, 65);
      EXPECT_TRUE(std::ranges::equal(part.words(), codes.rows(60, 65)));
    }
}

TEST(CodeBlocks, TakeOneCodeAfterTheOther) {
  Rng rng(2);
  const CodeMatrix codes = random_codes(130, 72, rng);
  CodeBlocks blocks(130, 72);
  for (std::size_t i = 0; i < 130; ++i) blocks.place(i, codes.row(i));
  EXPECT_TRUE(std::ranges::equal(unblock(blocks.view()).words(), codes.words()));
}

TEST(QueryPlanes, RepeatEachByteFourTimes) {
  EXPECT_EQ(query_planes(std::vector<std::uint64_t>{0x0000000000A1B2C3}, 24),
            (std::vector<std::uint32_t>{0xC3C3C3C3, 0xB2B2B2B2, 0xA1A1A1A1}));
}

}  // namespace
}  // namespace warifu
