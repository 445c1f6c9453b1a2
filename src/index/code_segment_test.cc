#include "index/code_segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"
#include "base/hash.h"

namespace warifu {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

// The segment in tests/data/formats/v1/code_segment.wcs.
CodeSegment small_segment() {
  CodeSegment segment;
  segment.space = {"割符", "cca-itq", "0123456789abcdef", 70, 3};
  segment.modality = Modality::kText;
  segment.rows = {0, 7, 1LL << 40};
  segment.codes = CodeMatrix(3, 70, {1, 2, ~0ULL, 0x3F, 0xFEDCBA9876543210, 0});
  return segment;
}

void expect_same(const CodeSegment& read, const CodeSegment& written) {
  EXPECT_EQ(read.space, written.space);
  EXPECT_EQ(read.modality, written.modality);
  EXPECT_EQ(read.rows, written.rows);
  EXPECT_EQ(read.codes.bits(), written.codes.bits());
  EXPECT_TRUE(std::ranges::equal(read.codes.words(), written.codes.words()));
}

void put_u32(Bytes& bytes, std::size_t offset, std::uint32_t value) { std::memcpy(bytes.data() + offset, &value, 4); }
void put_u64(Bytes& bytes, std::size_t offset, std::uint64_t value) { std::memcpy(bytes.data() + offset, &value, 8); }
std::uint32_t get_u32(const Bytes& bytes, std::size_t offset) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + offset, 4);
  return value;
}

// What a forger does after a change: offsets are those of docs/reference/formats/code-segment.md.
void repair_checksums(Bytes& bytes) {
  const std::size_t header = get_u32(bytes, 12);
  const std::size_t rows = 24;  // three rows
  put_u32(bytes, 80, crc32c(std::span(bytes).subspan(header, rows)));
  put_u32(bytes, 84, crc32c(std::span(bytes).subspan(header + rows)));
  put_u32(bytes, header - 4, crc32c(std::span(bytes).first(header - 4)));
}

TEST(CodeSegment, ReadsBackWhatWasWritten) {
  const auto path = fresh_folder() / "segment.wcs";
  ASSERT_TRUE(write_code_segment(path, small_segment()));
  const auto read = read_code_segment(path);
  ASSERT_TRUE(read) << read.error().message;
  expect_same(*read, small_segment());
}

TEST(CodeSegment, KeepsASpaceWithoutCodesAndEveryModality) {
  for (const Modality modality : {Modality::kImage, Modality::kText, Modality::kBoth}) {
    CodeSegment segment;
    segment.space = {"", "", "", 16, 1};
    segment.modality = modality;
    segment.codes = CodeMatrix(0, 16);
    const auto read = parse_code_segment(*code_segment_bytes(segment));
    ASSERT_TRUE(read) << read.error().message;
    expect_same(*read, segment);
  }
}

TEST(CodeSegment, OfVersion1IsReadForEver) {
  const auto path = std::filesystem::path(WARIFU_FORMATS_DIR) / "v1" / "code_segment.wcs";
  const auto read = read_code_segment(path);
  ASSERT_TRUE(read) << read.error().message;
  expect_same(*read, small_segment());
  // And the writer still writes these very bytes, as long as version 1 is what it writes.
  EXPECT_EQ(*read_file(path, 1 << 20), *code_segment_bytes(small_segment()));
}

TEST(CodeSegment, IsRefusedWhereverItIsCutOff) {
  const Bytes whole = *code_segment_bytes(small_segment());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto read = parse_code_segment(std::span(whole).first(length));
    ASSERT_FALSE(read) << length;
    EXPECT_EQ(read.error().code, ErrorCode::kBadFormat) << length;
  }
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(parse_code_segment(longer));
}

TEST(CodeSegment, IsRefusedWhicheverBitIsFlipped) {
  const Bytes whole = *code_segment_bytes(small_segment());
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    ASSERT_FALSE(parse_code_segment(flipped)) << "bit " << bit % 8 << " of byte " << bit / 8;
  }
}

TEST(CodeSegment, OfANewerVersionIsIncompatibleAndSaysWhatToDo) {
  Bytes bytes = *code_segment_bytes(small_segment());
  put_u32(bytes, 8, 2);
  const auto read = parse_code_segment(bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kIncompatible);
  EXPECT_THAT(read.error().message, HasSubstr("version 2"));
  EXPECT_THAT(read.error().hint, HasSubstr("update warifu"));
}

TEST(CodeSegment, SurvivesNumbersThatAreForgedTogetherWithTheirChecksums) {
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
    Bytes bytes = *code_segment_bytes(small_segment());
    if (forged.wide)
      put_u64(bytes, forged.offset, forged.value);
    else
      put_u32(bytes, forged.offset, static_cast<std::uint32_t>(forged.value));
    repair_checksums(bytes);
    const auto read = parse_code_segment(bytes);
    ASSERT_FALSE(read) << forged.value << " at " << forged.offset;
    EXPECT_EQ(read.error().code, ErrorCode::kBadFormat);
    EXPECT_FALSE(read.error().message.empty());
  }
  for (const std::uint32_t length : {0U, 4U, 91U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    Bytes bytes = *code_segment_bytes(small_segment());
    put_u32(bytes, 12, length);
    EXPECT_EQ(parse_code_segment(bytes).error().code, ErrorCode::kBadFormat) << length;
  }
}

TEST(CodeSegment, WithForgedContentsIsRefusedThough) {
  const std::size_t header = get_u32(*code_segment_bytes(small_segment()), 12);
  const auto error_after = [&](std::size_t offset, std::uint64_t value) {
    Bytes bytes = *code_segment_bytes(small_segment());
    put_u64(bytes, offset, value);
    repair_checksums(bytes);
    const auto read = parse_code_segment(bytes);
    return read ? std::string("accepted") : read.error().message;
  };
  EXPECT_THAT(error_after(header, ~0ULL), HasSubstr("row -1 at position 0 is negative"));
  EXPECT_THAT(error_after(header + 8, 0), HasSubstr("row 0 at position 1 does not ascend"));
  EXPECT_THAT(error_after(header + 24 + 8, 0x40), HasSubstr("code 0 has bits set beyond its 70"));
  EXPECT_EQ(error_after(header + 24 + 8, 0x20), "accepted");
}

TEST(CodeSegment, ThatBreaksARuleIsNotWritten) {
  const auto folder = fresh_folder();
  const auto refused = [&](auto change) {
    CodeSegment segment = small_segment();
    change(segment);
    const auto written = write_code_segment(folder / "segment.wcs", segment);
    return !written && written.error().code == ErrorCode::kInvalidArgument && std::filesystem::is_empty(folder);
  };
  EXPECT_TRUE(refused([](CodeSegment& s) { s.rows = {0, 0, 1}; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.rows = {3, 2, 1}; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.rows = {-1, 2, 3}; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.rows = {1, 2}; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.space.bits = 71; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.space.bits = 0; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.space.name = std::string(4097, 'x'); }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.codes.row(0)[1] = 0x40; }));
}

TEST(CodeSegment, NamesTheFileInItsErrors) {
  const auto folder = fresh_folder();
  EXPECT_EQ(read_code_segment(folder / "none.wcs").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_file_atomically(folder / "other.wcs", std::string(200, 'x')));
  const auto read = read_code_segment(folder / "other.wcs");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("other.wcs: byte 0: not a code segment"));
}

}  // namespace
}  // namespace warifu
