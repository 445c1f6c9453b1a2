#include "segments/mapped_segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/fresh_folder_for_test.h"
#include "segments/code_segment_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

void expect_holds(const MappedSegment& segment, const CodeSegment& expected) {
  EXPECT_EQ(segment.space(), expected.space);
  EXPECT_EQ(segment.modality(), expected.modality);
  ASSERT_EQ(segment.count(), expected.rows.size());
  ASSERT_EQ(segment.rows().count(), expected.rows.size());
  for (std::size_t i = 0; i < segment.count(); ++i) EXPECT_EQ(segment.rows()[i], expected.rows[i]);
  EXPECT_EQ(segment.codes().bits, expected.space.bits);
  EXPECT_TRUE(std::ranges::equal(unblock(segment.codes()).words(), expected.codes.words()));
}

// Opens `bytes` as a file.
auto open_bytes(const Bytes& bytes, SegmentCheck check) {
  const auto path = fresh_folder() / "segment.wcs";
  EXPECT_TRUE(write_file_atomically(path, bytes));
  return MappedSegment::open(path, check);
}

TEST(MappedSegment, ShowsWhatWasWrittenHoweverMuchIsChecked) {
  const auto path = fresh_folder() / "segment.wcs";
  ASSERT_TRUE(write_code_segment(path, small_segment()));
  for (const SegmentCheck check : {SegmentCheck::kHeader, SegmentCheck::kWhole}) {
    const auto segment = MappedSegment::open(path, check);
    ASSERT_TRUE(segment) << segment.error().message;
    expect_holds(**segment, small_segment());
    EXPECT_EQ((*segment)->path(), path);
  }
}

TEST(MappedSegment, OpensTheKeptFilesOfEveryVersion) {
  for (const char* name :
       {"code_segment.wcs", "code_segment_v2.wcs", "code_segment_v2_contiguous.wcs", "code_segment_v2_offsets.wcs"})
    for (const SegmentCheck check : {SegmentCheck::kHeader, SegmentCheck::kWhole}) {
      const auto segment = MappedSegment::open(kept_file(name), check);
      ASSERT_TRUE(segment) << segment.error().message;
      expect_holds(**segment, *read_code_segment(kept_file(name)));
    }
}

TEST(MappedSegment, HasCodesWhereInstructionsLikeThem) {
  const auto segment = MappedSegment::open(kept_file("code_segment_v2.wcs"), SegmentCheck::kHeader);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*segment)->codes().planes) % 64, 0U);
}

TEST(MappedSegment, FindsRowsInEveryEncoding) {
  const auto path = fresh_folder() / "segment.wcs";
  for (const std::vector<std::int64_t>& rows : {std::vector<std::int64_t>{5, 6, 7}, {5, 8, 9}, {5, 8, 1LL << 40}}) {
    CodeSegment written = small_segment();
    written.rows = rows;
    ASSERT_TRUE(write_code_segment(path, written));
    const auto segment = MappedSegment::open(path, SegmentCheck::kWhole);
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ((*segment)->rows().find(rows[i]), i);
    EXPECT_FALSE((*segment)->rows().find(4));
    EXPECT_EQ((*segment)->rows().contiguous_from().has_value(), rows[1] == 6);
  }
}

TEST(MappedSegment, KeepsTheFileThatWasReplaced) {
  const auto path = fresh_folder() / "segment.wcs";
  ASSERT_TRUE(write_code_segment(path, small_segment()));
  const auto segment = MappedSegment::open(path, SegmentCheck::kWhole);
  CodeSegment other = small_segment();
  other.rows = {1, 2, 3};
  ASSERT_TRUE(write_code_segment(path, other));
  expect_holds(**segment, small_segment());
}

TEST(MappedSegment, FindsDamageInTheSectionsOnlyWhenAskedTo) {
  Bytes bytes = kept_bytes("code_segment_v2.wcs");
  bytes.back() ^= std::byte{1};
  EXPECT_TRUE(open_bytes(bytes, SegmentCheck::kHeader));
  const auto whole = open_bytes(bytes, SegmentCheck::kWhole);
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(whole.error().message, HasSubstr("segment.wcs: byte "));
}

TEST(MappedSegment, RefusesADamagedHeaderAlways) {
  const Bytes whole = kept_bytes("code_segment_v2.wcs");
  for (std::size_t bit = 0; bit < std::size_t{number_at<std::uint32_t>(whole, 12)} * 8; ++bit) {
    Bytes bytes = whole;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    ASSERT_FALSE(view_code_segment(bytes, SegmentCheck::kHeader)) << "bit " << bit % 8 << " of byte " << bit / 8;
  }
  for (std::size_t length = 0; length < whole.size(); ++length)
    ASSERT_FALSE(view_code_segment(std::span(whole).first(length), SegmentCheck::kHeader)) << length;
}

TEST(MappedSegment, IsAFileOrAnErrorThatNamesIt) {
  const auto folder = fresh_folder();
  EXPECT_EQ(MappedSegment::open(folder / "none.wcs", SegmentCheck::kHeader).error().code, ErrorCode::kNotFound);
  const auto empty = open_bytes({}, SegmentCheck::kHeader);
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().message, HasSubstr("segment.wcs: 0 bytes are too few"));
  Bytes newer = kept_bytes("code_segment_v2.wcs");
  put_number<std::uint32_t>(newer, 8, 3);
  EXPECT_EQ(open_bytes(newer, SegmentCheck::kHeader).error().code, ErrorCode::kIncompatible);
}

}  // namespace
}  // namespace warifu
