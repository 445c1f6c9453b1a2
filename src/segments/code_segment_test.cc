#include "segments/code_segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/fresh_folder_for_test.h"
#include "base/hash.h"
#include "codes/random_codes_for_test.h"
#include "segments/code_segment_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

// Offsets in a header of version 2: docs/reference/formats/code-segment.md.
constexpr std::size_t kSegmentHeaderBytes = 12, kSegmentFirstRow = 48, kSegmentRowEncoding = 56, kSegmentSections = 60,
                      kSegmentTable = 64;
constexpr std::size_t kSegmentEntryBytes = 24;

CodeSegment segment_at_rows(std::vector<std::int64_t> rows, std::uint32_t bits) {
  Rng rng(bits);
  CodeSegment segment;
  segment.space = {"space", "method", "fingerprint", bits, 1};
  segment.codes = random_codes(rows.size(), bits, rng);
  segment.rows = std::move(rows);
  return segment;
}

std::vector<std::int64_t> rows_from(std::int64_t first, std::size_t count, std::int64_t step = 1) {
  std::vector<std::int64_t> rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = first + static_cast<std::int64_t>(i) * step;
  return rows;
}

// What a forger does after a change.
void repair_checksums(Bytes& bytes) {
  const std::size_t sections = std::min<std::size_t>(number_at<std::uint32_t>(bytes, kSegmentSections), 2);
  for (std::size_t entry = kSegmentTable; entry < kSegmentTable + sections * kSegmentEntryBytes;
       entry += kSegmentEntryBytes) {
    const auto offset = number_at<std::uint64_t>(bytes, entry + 8);
    const auto length = number_at<std::uint64_t>(bytes, entry + 16);
    if (offset <= bytes.size() && length <= bytes.size() - offset)
      put_number(bytes, entry + 4, crc32c(std::span(bytes).subspan(offset, length)));
  }
  const std::size_t crc = number_at<std::uint32_t>(bytes, kSegmentHeaderBytes) - 4;
  put_number(bytes, crc, crc32c(std::span(bytes).first(crc)));
}

std::string error_after_forging(const Bytes& whole, std::size_t offset, auto value) {
  Bytes bytes = whole;
  put_number(bytes, offset, value);
  repair_checksums(bytes);
  const auto read = parse_code_segment(bytes);
  if (read) return "accepted";
  EXPECT_EQ(read.error().code, ErrorCode::kBadFormat);
  return read.error().message;
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

TEST(CodeSegment, KeepsCodesOfAnyLengthAndNumber) {
  for (const std::uint32_t bits : {1U, 7U, 8U, 63U, 64U, 65U, 127U, 1000U, 65535U})
    for (const std::size_t count : {1UL, 63UL, 64UL, 65UL, 130UL}) {
      const CodeSegment segment = segment_at_rows(rows_from(5, count, 3), bits);
      const auto read = parse_code_segment(*code_segment_bytes(segment));
      ASSERT_TRUE(read) << read.error().message;
      expect_same(*read, segment);
    }
}

TEST(CodeSegment, KeepsRowsInTheSmallestOfThreeWays) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kReach = std::numeric_limits<std::uint32_t>::max();
  struct Case {
    std::vector<std::int64_t> rows;
    std::uint32_t encoding;
  };
  for (const Case& c : {Case{{}, 0}, Case{{0}, 0}, Case{rows_from(1LL << 50, 100), 0}, Case{{3, 5}, 1},
                        Case{{7, 7 + kReach}, 1}, Case{rows_from(9, 5000, 7), 1}, Case{{7, 8 + kReach}, 2},
                        Case{{0, kLargest}, 2}, Case{{kLargest}, 2}, Case{{kLargest - kReach, kLargest}, 1}}) {
    const CodeSegment segment = segment_at_rows(c.rows, 8);
    const Bytes bytes = *code_segment_bytes(segment);
    EXPECT_EQ(number_at<std::uint32_t>(bytes, kSegmentRowEncoding), c.encoding);
    const auto read = parse_code_segment(bytes);
    ASSERT_TRUE(read) << read.error().message;
    expect_same(*read, segment);
  }
}

TEST(CodeSegment, OfContiguousRowsIsHardlyLargerThanItsCodes) {
  const std::size_t count = 100'000;
  EXPECT_LT(code_segment_bytes(segment_at_rows(rows_from(3, count), 64))->size(), count * 8 * 101 / 100);
}

TEST(CodeSegment, BeginsEverySectionAtAMultipleOf64) {
  const Bytes bytes = *code_segment_bytes(segment_at_rows({1, 2, 5, 9, 1LL << 40}, 70));
  ASSERT_EQ(number_at<std::uint32_t>(bytes, kSegmentSections), 2U);
  EXPECT_EQ(number_at<std::uint64_t>(bytes, kSegmentTable + 8) % 64, 0U);
  EXPECT_EQ(number_at<std::uint64_t>(bytes, kSegmentTable + kSegmentEntryBytes + 8) % 64, 0U);
}

TEST(CodeSegment, IsWrittenFromBlocksAsFromRows) {
  const auto path = fresh_folder() / "segment.wcs";
  const CodeSegment segment = segment_at_rows(rows_from(2, 10'000, 2), 70);
  CodeBlocks blocks(segment.codes);
  // What lies behind the last code in memory is not looked at.
  blocks.planes().back() = 0xFF;
  ASSERT_TRUE(write_code_segment(path, segment.space, segment.modality, segment.rows, blocks.view()));
  EXPECT_EQ(*read_file(path, 1 << 20), *code_segment_bytes(segment));
}

TEST(CodeSegment, IsReadFromBytesAtAnyAddress) {
  const Bytes bytes = *code_segment_bytes(small_segment());
  for (std::size_t shift = 0; shift < 8; ++shift) {
    Bytes shifted(shift);
    shifted.insert(shifted.end(), bytes.begin(), bytes.end());
    const auto read = parse_code_segment(std::span(shifted).subspan(shift));
    ASSERT_TRUE(read) << read.error().message;
    expect_same(*read, small_segment());
  }
}

TEST(CodeSegment, OfVersion2IsReadForEver) {
  const auto read = read_code_segment(kept_file("code_segment_v2.wcs"));
  ASSERT_TRUE(read) << read.error().message;
  expect_same(*read, small_segment());
  const auto contiguous = read_code_segment(kept_file("code_segment_v2_contiguous.wcs"));
  ASSERT_TRUE(contiguous) << contiguous.error().message;
  EXPECT_EQ(contiguous->rows, rows_from(1000, 65));
  const auto offsets = read_code_segment(kept_file("code_segment_v2_offsets.wcs"));
  ASSERT_TRUE(offsets) << offsets.error().message;
  EXPECT_EQ(offsets->rows, (std::vector<std::int64_t>{100, 101, 104, 4294967395}));
  EXPECT_THAT(offsets->codes.words(), testing::ElementsAre(0xABC, 0x001, 0x800, 0xFFF));
}

TEST(CodeSegment, IsStillWrittenAsTheKeptFilesOfVersion2) {
  EXPECT_EQ(*code_segment_bytes(small_segment()), kept_bytes("code_segment_v2.wcs"));
  for (const char* name : {"code_segment_v2.wcs", "code_segment_v2_contiguous.wcs", "code_segment_v2_offsets.wcs"})
    EXPECT_EQ(*code_segment_bytes(*read_code_segment(kept_file(name))), kept_bytes(name)) << name;
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
  for (const CodeSegment& segment :
       {small_segment(), segment_at_rows({4, 6, 7}, 8), segment_at_rows(rows_from(0, 3), 12), segment_at_rows({}, 8)}) {
    const Bytes whole = *code_segment_bytes(segment);
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      Bytes flipped = whole;
      flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      ASSERT_FALSE(parse_code_segment(flipped)) << "bit " << bit % 8 << " of byte " << bit / 8;
    }
  }
}

TEST(CodeSegment, OfANewerVersionIsIncompatibleAndSaysWhatToDo) {
  Bytes bytes = *code_segment_bytes(small_segment());
  put_number<std::uint32_t>(bytes, 8, 3);
  const auto read = parse_code_segment(bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kIncompatible);
  EXPECT_THAT(read.error().message, HasSubstr("version 3"));
  EXPECT_THAT(read.error().hint, HasSubstr("update warifu"));
}

TEST(CodeSegment, SurvivesNumbersThatAreForgedTogetherWithTheirChecksums) {
  const Bytes whole = *code_segment_bytes(small_segment());
  for (const std::size_t offset :
       {16UL, 24UL, 28UL, 32UL, 36UL, kSegmentRowEncoding, kSegmentSections, kSegmentTable, kSegmentTable + 24})
    for (const std::uint32_t value : {0x7FFFFFFFU, 0xFFFFFFFFU, 0xFFFFFFF0U, 65536U})
      EXPECT_NE(error_after_forging(whole, offset, value), "accepted") << value << " at " << offset;
  for (const std::size_t offset : {40UL, kSegmentFirstRow, kSegmentTable + 8, kSegmentTable + 16,
                                   kSegmentTable + kSegmentEntryBytes + 8, kSegmentTable + kSegmentEntryBytes + 16})
    for (const std::uint64_t value : {~0ULL, ~0ULL - 63, 1ULL << 63, 1ULL << 60, (1ULL << 61) + 3, 1ULL << 32, 128ULL})
      EXPECT_NE(error_after_forging(whole, offset, value), "accepted") << value << " at " << offset;
  for (const std::uint32_t length : {0U, 4U, 63U, 64U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    Bytes bytes = whole;
    put_number(bytes, kSegmentHeaderBytes, length);
    EXPECT_EQ(parse_code_segment(bytes).error().code, ErrorCode::kBadFormat) << length;
  }
}

TEST(CodeSegment, WithForgedContentsIsRefusedThough) {
  const Bytes listed = *code_segment_bytes(small_segment());
  const auto rows = number_at<std::uint64_t>(listed, kSegmentTable + 8);
  const auto codes = number_at<std::uint64_t>(listed, kSegmentTable + kSegmentEntryBytes + 8);
  const auto lane_8 = codes + 8 * 64;  // the last byte of each code: bits 64 to 69
  EXPECT_THAT(error_after_forging(listed, rows, ~0ULL), HasSubstr("row -1 at position 0 is negative"));
  EXPECT_THAT(error_after_forging(listed, rows + 8, 0ULL), HasSubstr("row 0 at position 1 does not ascend"));
  EXPECT_THAT(error_after_forging(listed, rows + 16, 9ULL), HasSubstr("row encoding 2 is not the smallest"));
  EXPECT_THAT(error_after_forging(listed, kSegmentFirstRow, 1ULL), HasSubstr("the first row is 0, the header says 1"));
  EXPECT_THAT(error_after_forging(listed, rows + 24, std::uint8_t{1}), HasSubstr("padding is not zero"));
  EXPECT_THAT(error_after_forging(listed, lane_8, std::uint8_t{0x40}), HasSubstr("code 0 has bits set beyond its 70"));
  EXPECT_THAT(error_after_forging(listed, lane_8 + 3, std::uint8_t{1}), HasSubstr("lane 3 behind the last code"));
  EXPECT_EQ(error_after_forging(listed, lane_8, std::uint8_t{0x20}), "accepted");
  EXPECT_THAT(error_after_forging(listed, kSegmentTable, 9U), HasSubstr("section of kind 9; version 2 has no such"));

  const Bytes offsets = *code_segment_bytes(segment_at_rows({10, 12, 15}, 8));
  const auto first = number_at<std::uint64_t>(offsets, kSegmentTable + 8);
  EXPECT_THAT(error_after_forging(offsets, first, 1U), HasSubstr("row 11 at position 0 is not the first row"));
  EXPECT_THAT(error_after_forging(offsets, first + 8, 2U), HasSubstr("row 12 at position 2 does not ascend"));
  EXPECT_THAT(error_after_forging(offsets, first + 4, (2ULL << 32) + 1),
              HasSubstr("row encoding 1 is not the smallest"));
  EXPECT_THAT(error_after_forging(offsets, kSegmentFirstRow, 1ULL << 63), HasSubstr("first row -"));
  EXPECT_EQ(error_after_forging(offsets, kSegmentFirstRow, 11ULL), "accepted");
}

TEST(CodeSegment, ThatBreaksARuleIsNotWritten) {
  const auto folder = fresh_folder();
  const auto refused = [&](auto change) {
    CodeSegment segment = small_segment();
    change(segment);
    const auto written = write_code_segment(folder / "segment.wcs", segment);
    return !written && written.error().code == ErrorCode::kInvalidArgument && std::filesystem::is_empty(folder) &&
           !code_segment_bytes(segment);
  };
  EXPECT_TRUE(refused([](CodeSegment& s) { s.rows = {0, 0, 1}; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.rows = {3, 2, 1}; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.rows = {-1, 2, 3}; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.rows = {1, 2}; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.space.bits = 71; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.space.bits = 0; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.space.name = std::string(4097, 'x'); }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.codes.row(0)[1] = 0x40; }));
  EXPECT_TRUE(refused([](CodeSegment& s) { s.codes.row(0)[1] = 0x100; }));
}

TEST(CodeSegment, OfBlocksThatBreaksARuleIsNotWritten) {
  const auto path = fresh_folder() / "segment.wcs";
  const CodeSegment segment = small_segment();
  CodeBlocks blocks(segment.codes);
  const auto refused = [&](const CodeSpace& space, std::span<const std::int64_t> rows) {
    const auto written = write_code_segment(path, space, Modality::kText, rows, blocks.view());
    return !written && written.error().code == ErrorCode::kInvalidArgument && !std::filesystem::exists(path);
  };
  CodeSpace wider = segment.space;
  wider.bits = 71;
  EXPECT_TRUE(refused(wider, segment.rows));
  EXPECT_TRUE(refused(segment.space, std::span(segment.rows).first(2)));
  EXPECT_TRUE(refused(segment.space, rows_from(-1, 3)));
  blocks.planes()[8 * 64] = 0x40;
  EXPECT_TRUE(refused(segment.space, segment.rows));
}

TEST(CodeSegment, NamesTheFileInItsErrors) {
  const auto folder = fresh_folder();
  EXPECT_EQ(read_code_segment(folder / "none.wcs").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(write_code_segment(folder / "none" / "segment.wcs", small_segment()).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_file_atomically(folder / "other.wcs", std::string(200, 'x')));
  const auto read = read_code_segment(folder / "other.wcs");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("other.wcs: byte 0: not a code segment"));
}

}  // namespace
}  // namespace warifu
