#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/rng.h"

namespace warifu {
namespace {

TEST(Crc32c, GivesThePublishedCheckValueWholeAndInParts) {
  const std::string_view digits = "123456789";  // RFC 3720, appendix B.4 and the CRC catalogue
  EXPECT_EQ(crc32c(std::as_bytes(std::span(digits))), 0xE3069283U);
  const std::uint32_t first = crc32c(std::as_bytes(std::span(digits.substr(0, 4))));
  EXPECT_EQ(crc32c(std::as_bytes(std::span(digits.substr(4))), first), 0xE3069283U);
}

TEST(ContentHash, IsTheSameForAFileAndItsBytes) {
  const auto path = std::filesystem::path(testing::TempDir()) / "content_hash.txt";
  ASSERT_TRUE(write_file_atomically(path, "割符"));
  EXPECT_EQ(file_hash(path), content_hash("割符"));
  EXPECT_EQ(content_hash("").size(), 32U);
  EXPECT_NE(content_hash("a"), content_hash("b"));
}

TEST(ReadFile, RefusesWhatIsMissingTooLargeOrAFolder) {
  const auto folder = std::filesystem::path(testing::TempDir());
  ASSERT_TRUE(write_file_atomically(folder / "four", "1234"));
  EXPECT_EQ(read_text_file(folder / "four", 4), "1234");
  EXPECT_EQ(read_text_file(folder / "four", 3).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_text_file(folder / "none", 3).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_text_file(folder, 3).error().code, ErrorCode::kInvalidArgument);
}

TEST(WriteFileAtomically, LeavesNothingBehindWhenItCannotWrite) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "no-such-folder";
  EXPECT_EQ(write_file_atomically(folder / "x", "1").error().code, ErrorCode::kNotFound);
}

TEST(Rng, ShufflesIntoTheSamePermutationForTheSameSeed) {
  std::vector<int> a(50);
  std::iota(a.begin(), a.end(), 0);
  std::vector<int> b = a;
  const std::vector<int> sorted = a;
  Rng first(7);
  Rng second(7);
  shuffle(std::span(a), first);
  shuffle(std::span(b), second);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, sorted);
  std::sort(a.begin(), a.end());
  EXPECT_EQ(a, sorted);
}

}  // namespace
}  // namespace warifu
