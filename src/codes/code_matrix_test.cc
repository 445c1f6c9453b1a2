#include "codes/code_matrix.h"

#include <gtest/gtest.h>

#include <limits>

namespace warifu {
namespace {

TEST(PackSigns, PutsBitKOfACodeIntoBitKOfItsWords) {
  FloatMatrix values(1, 66);
  for (float& value : values.values()) value = -1.0F;
  values.row(0)[0] = 0.5F;
  values.row(0)[63] = 2.0F;
  values.row(0)[65] = 1e-30F;
  const CodeMatrix codes = pack_signs(values);
  ASSERT_EQ(codes.words_per_code(), 2U);
  EXPECT_EQ(codes.row(0)[0], 0x8000000000000001U);
  EXPECT_EQ(codes.row(0)[1], 0x2U);
  EXPECT_TRUE(codes.bit(0, 65));
  EXPECT_FALSE(codes.bit(0, 64));
}

TEST(PackSigns, CountsZeroOfEitherSignAsPlusAndNanAsMinus) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const CodeMatrix codes = pack_signs(FloatMatrix(1, 6, {0.0F, -0.0F, nan, -nan, infinity, -infinity}));
  EXPECT_EQ(codes.row(0)[0], 0b010011U);
}

TEST(PackSigns, OfNoRowsIsAnEmptyMatrixThatKeepsItsLength) {
  const CodeMatrix codes = pack_signs(FloatMatrix(0, 16));
  EXPECT_EQ(codes.count(), 0U);
  EXPECT_EQ(codes.bits(), 16U);
}

TEST(CodeMatrix, AppendsRowsAndAnEmptyOneTakesTheLengthOfTheOther) {
  const CodeMatrix two(2, 16, {1, 2});
  CodeMatrix all;
  all.append(two);
  all.append(CodeMatrix(1, 16, {3}));
  all.append(CodeMatrix());
  ASSERT_EQ(all.count(), 3U);
  EXPECT_EQ(all.bits(), 16U);
  EXPECT_EQ(all.row(0)[0], 1U);
  EXPECT_EQ(all.row(2)[0], 3U);
}

TEST(CodeMatrix, KeepsItsLengthWhenNothingIsAppended) {
  CodeMatrix none(0, 16);
  none.append(CodeMatrix());
  EXPECT_EQ(none.bits(), 16U);
}

TEST(CodeMatrix, CanBeAppendedToItself) {
  CodeMatrix codes(3, 16, {1, 2, 3});
  codes.append(codes);
  ASSERT_EQ(codes.count(), 6U);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(codes.row(i)[0], i % 3 + 1);
}

TEST(CodeMatrix, GivesARunOfRows) {
  const CodeMatrix codes(3, 128, {1, 2, 3, 4, 5, 6});
  const auto rows = codes.rows(1, 3);
  EXPECT_EQ(std::vector<std::uint64_t>(rows.begin(), rows.end()), (std::vector<std::uint64_t>{3, 4, 5, 6}));
  EXPECT_TRUE(codes.rows(3, 3).empty());
}

}  // namespace
}  // namespace warifu
