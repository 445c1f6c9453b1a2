#include "segments/npy_codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/fresh_folder_for_test.h"
#include "codes/random_codes_for_test.h"
#include "io/npy.h"

namespace warifu {
namespace {

using testing::HasSubstr;

TEST(NpyCodes, AreReadBackAsTheyWereWritten) {
  const auto path = fresh_folder() / "codes.npy";
  Rng rng(1);
  for (const std::uint32_t bits : {1U, 8U, 12U, 64U, 70U, 2048U}) {
    const CodeMatrix codes = random_codes(1000, bits, rng);
    ASSERT_TRUE(write_npy_codes(path, codes));
    const auto read = read_npy_codes(path, bits);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->count(), 1000U);
    EXPECT_EQ(read->bits(), bits);
    EXPECT_TRUE(std::ranges::equal(read->words(), codes.words())) << bits;
  }
}

TEST(NpyCodes, AreBytesWithTheFirstBitLowest) {
  const auto path = fresh_folder() / "codes.npy";
  ASSERT_TRUE(write_npy_codes(path, CodeMatrix(2, 12, {0xABC, 0x001})));
  const auto values = read_npy_matrix(path);
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_EQ(values->cols(), 2U);
  EXPECT_THAT(values->values(), testing::ElementsAre(0xBC, 0x0A, 0x01, 0x00));
}

TEST(NpyCodes, MayBeNone) {
  const auto path = fresh_folder() / "codes.npy";
  ASSERT_TRUE(write_npy_codes(path, CodeMatrix(0, 16)));
  const auto read = read_npy_codes(path, 16);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->count(), 0U);
}

TEST(NpyCodes, OfAnotherTypeOrShapeAreRefusedWithTheRightOne) {
  const auto folder = fresh_folder();
  const std::vector<std::uint8_t> bytes(12);
  ASSERT_TRUE(write_npy_u8(folder / "codes.npy", bytes, 4, 3));
  const auto read = read_npy_codes(folder / "codes.npy", 32);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(read.error().message, HasSubstr("codes.npy: an array u1 [4, 3] holds no codes of 32 bits"));
  EXPECT_THAT(read.error().hint, HasSubstr("uint8 [n, 4]"));
  ASSERT_TRUE(write_npy(folder / "floats.npy", FloatMatrix(4, 3)));
  EXPECT_EQ(read_npy_codes(folder / "floats.npy", 24).error().code, ErrorCode::kInvalidArgument);
}

TEST(NpyCodes, WithBitsBehindTheLastOneAreRefused) {
  const auto path = fresh_folder() / "codes.npy";
  const std::vector<std::uint8_t> bytes{0xFF, 0x0F, 0xFF, 0x1F};
  ASSERT_TRUE(write_npy_u8(path, bytes, 2, 2));
  const auto read = read_npy_codes(path, 12);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(read.error().message, HasSubstr("codes.npy: code 1 has bits set beyond its 12"));
  EXPECT_TRUE(read_npy_codes(path, 13));
}

TEST(NpyCodes, HaveALengthThatCodesCanHave) {
  const auto path = fresh_folder() / "codes.npy";
  EXPECT_EQ(read_npy_codes(path, 0).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_npy_codes(path, 65536).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_npy_codes(path, 8).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace warifu
