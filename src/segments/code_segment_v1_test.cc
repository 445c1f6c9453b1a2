#include "segments/code_segment_v1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/hash.h"
#include "segments/code_segment_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

const Bytes& whole_file_v1() {
  static const Bytes bytes = kept_bytes("code_segment.wcs");
  return bytes;
}

// What a forger does after a change: offsets are those of docs/reference/formats/code-segment.md.
void repair_checksums_v1(Bytes& bytes) {
  const std::size_t header = number_at<std::uint32_t>(bytes, 12);
  const std::size_t rows = 24;  // three rows
  put_number<std::uint32_t>(bytes, 80, crc32c(std::span(bytes).subspan(header, rows)));
  put_number<std::uint32_t>(bytes, 84, crc32c(std::span(bytes).subspan(header + rows)));
  put_number<std::uint32_t>(bytes, header - 4, crc32c(std::span(bytes).first(header - 4)));
}

TEST(CodeSegmentVersion1, IsReadForEver) {
  const auto read = read_code_segment(kept_file("code_segment.wcs"));
  ASSERT_TRUE(read) << read.error().message;
  expect_same(*read, small_segment());
}

TEST(CodeSegmentVersion1, IsRefusedWhereverItIsCutOff) {
  const Bytes& whole = whole_file_v1();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto read = parse_code_segment(std::span(whole).first(length));
    ASSERT_FALSE(read) << length;
    EXPECT_EQ(read.error().code, ErrorCode::kBadFormat) << length;
  }
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(parse_code_segment(longer));
}

TEST(CodeSegmentVersion1, IsRefusedWhicheverBitIsFlipped) {
  const Bytes& whole = whole_file_v1();
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    ASSERT_FALSE(parse_code_segment(flipped)) << "bit " << bit % 8 << " of byte " << bit / 8;
  }
}

TEST(CodeSegmentVersion1, SurvivesNumbersThatAreForgedTogetherWithTheirChecksums) {
  struct Forgery {
    std::size_t offset;
    std::uint64_t value;
    bool wide;
  };
  constexpr std::uint64_t kWraps = (std::uint64_t{1} << 61) + 3;  // times 8 is 24 again
  for (const Forgery& forged :
       {Forgery{40, 4, true},   {40, 0, true},      {40, ~0ULL, true},       {40, kWraps, true},
        {40, 1ULL << 60, true}, {48, 0, true},      {48, ~0ULL, true},       {56, ~0ULL - 7, true},
        {56, 0, true},          {64, ~0ULL, true},  {72, ~0ULL, true},       {72, kWraps, true},
        {16, 0, false},         {16, 65536, false}, {16, 0xFFFFFFFF, false}, {16, 129, false},
        {24, 3, false},         {28, 0, false},     {28, 0xFFFFFFFF, false}, {32, 0xFFFFFFF0, false},
        {36, 4097, false}}) {
    Bytes bytes = whole_file_v1();
    if (forged.wide)
      put_number<std::uint64_t>(bytes, forged.offset, forged.value);
    else
      put_number<std::uint32_t>(bytes, forged.offset, static_cast<std::uint32_t>(forged.value));
    repair_checksums_v1(bytes);
    const auto read = parse_code_segment(bytes);
    ASSERT_FALSE(read) << forged.value << " at " << forged.offset;
    EXPECT_EQ(read.error().code, ErrorCode::kBadFormat);
    EXPECT_FALSE(read.error().message.empty());
  }
  for (const std::uint32_t length : {0U, 4U, 91U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    Bytes bytes = whole_file_v1();
    put_number<std::uint32_t>(bytes, 12, length);
    EXPECT_EQ(parse_code_segment(bytes).error().code, ErrorCode::kBadFormat) << length;
  }
}

TEST(CodeSegmentVersion1, WithForgedContentsIsRefusedThough) {
  const std::size_t header = number_at<std::uint32_t>(whole_file_v1(), 12);
  const auto error_after = [&](std::size_t offset, std::uint64_t value) {
    Bytes bytes = whole_file_v1();
    put_number<std::uint64_t>(bytes, offset, value);
    repair_checksums_v1(bytes);
    const auto read = parse_code_segment(bytes);
    return read ? std::string("accepted") : read.error().message;
  };
  EXPECT_THAT(error_after(header, ~0ULL), HasSubstr("row -1 at position 0 is negative"));
  EXPECT_THAT(error_after(header + 8, 0), HasSubstr("row 0 at position 1 does not ascend"));
  EXPECT_THAT(error_after(header + 24 + 8, 0x40), HasSubstr("code 0 has bits set beyond its 70"));
  EXPECT_EQ(error_after(header + 24 + 8, 0x20), "accepted");
}

}  // namespace
}  // namespace warifu
