#include "segments/faiss_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/fresh_folder_for_test.h"
#include "codes/random_codes_for_test.h"
#include "segments/code_segment_for_test.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Offsets: docs/reference/formats/faiss-binary.md.
constexpr std::size_t kFaissBits = 4, kFaissCodeBytes = 8, kFaissCount = 12, kFaissTrained = 20, kFaissMetric = 21,
                      kFaissHeader = 25;

// The codes in the kept files: byte i of them is 37 i + 1.
CodeMatrix kept_codes() { return CodeMatrix(4, 24, {0x4B2601, 0xBA9570, 0x2904DF, 0x98734E}); }
const std::vector<std::int64_t> kKeptRows = {3, 7, 1000, 1LL << 40};

template <typename Number>
std::string faiss_error_after(Bytes bytes, std::size_t offset, Number value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  const auto read = parse_faiss(bytes);
  return read ? "accepted" : read.error().message;
}

TEST(FaissFile, ReadsAFlatIndexWrittenByFaiss) {
  const auto read = read_faiss_file(kept_file("faiss_flat.index"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(read->rows, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(read->codes.bits(), 24U);
  EXPECT_TRUE(std::ranges::equal(read->codes.words(), kept_codes().words()));
}

TEST(FaissFile, ReadsAnIdMapWrittenByFaiss) {
  const auto read = read_faiss_file(kept_file("faiss_idmap.index"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->rows, kKeptRows);
  EXPECT_TRUE(std::ranges::equal(read->codes.words(), kept_codes().words()));
}

TEST(FaissFile, IsWrittenByteForByteAsFaissWritesIt) {
  EXPECT_EQ(*faiss_flat_bytes(kept_codes()), kept_bytes("faiss_flat.index"));
  EXPECT_EQ(*faiss_id_map_bytes(kKeptRows, kept_codes()), kept_bytes("faiss_idmap.index"));
  const auto folder = fresh_folder();
  ASSERT_TRUE(write_faiss_flat(folder / "flat", kept_codes()));
  ASSERT_TRUE(write_faiss_id_map(folder / "id_map", kKeptRows, kept_codes()));
  EXPECT_EQ(*read_file(folder / "flat", 1 << 20), kept_bytes("faiss_flat.index"));
  EXPECT_EQ(*read_file(folder / "id_map", 1 << 20), kept_bytes("faiss_idmap.index"));
}

TEST(FaissFile, ReadsTheSecondKindOfIdMapAndOneWithACodeSize) {
  Bytes bytes = kept_bytes("faiss_idmap.index");
  std::memcpy(bytes.data(), "IBM2", 4);
  EXPECT_EQ(parse_faiss(bytes)->rows, kKeptRows);
  EXPECT_EQ(faiss_error_after(bytes, kFaissCodeBytes, 3), "accepted");
}

TEST(FaissFile, KeepsManyCodesAndRowsInTheOrderOfTheFile) {
  Rng rng(1);
  for (const std::size_t bits : {8UL, 64UL, 128UL, 65528UL}) {
    const std::size_t count = bits > 1000 ? 3 : 10'000;
    const CodeMatrix codes = random_codes(count, bits, rng);
    std::vector<std::int64_t> rows(count);
    for (std::size_t i = 0; i < count; ++i) rows[i] = static_cast<std::int64_t>((count - i) * 5);
    const auto read = parse_faiss(*faiss_id_map_bytes(rows, codes));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->rows, rows);
    EXPECT_TRUE(std::ranges::equal(read->codes.words(), codes.words()));
  }
}

TEST(FaissFile, MayHoldNoCodes) {
  const auto flat = parse_faiss(*faiss_flat_bytes(CodeMatrix(0, 16)));
  ASSERT_TRUE(flat) << flat.error().message;
  EXPECT_EQ(flat->codes.bits(), 16U);
  EXPECT_EQ(flat->codes.count(), 0U);
  EXPECT_TRUE(parse_faiss(*faiss_id_map_bytes({}, CodeMatrix(0, 16))));
}

TEST(FaissFile, TakesWholeBytesAndRowsThatNameOneCodeEach) {
  const auto path = fresh_folder() / "index";
  const auto refused = [&](const std::vector<std::int64_t>& rows, const CodeMatrix& codes) {
    const auto written = write_faiss_id_map(path, rows, codes);
    return !written && written.error().code == ErrorCode::kInvalidArgument && !std::filesystem::exists(path);
  };
  EXPECT_TRUE(refused({1}, CodeMatrix(1, 12)));
  EXPECT_TRUE(refused({1, 2}, CodeMatrix(1, 8)));
  EXPECT_TRUE(refused({1, -2}, CodeMatrix(2, 8)));
  EXPECT_TRUE(refused({2, 1, 2}, CodeMatrix(3, 8)));
  EXPECT_EQ(write_faiss_flat(path, CodeMatrix(1, 12)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(write_faiss_flat(path, CodeMatrix()).error().code, ErrorCode::kInvalidArgument);
}

TEST(FaissFile, IsRefusedWhereverItIsCutOffAndWhenItGoesOn) {
  for (const char* name : {"faiss_flat.index", "faiss_idmap.index"}) {
    Bytes whole = kept_bytes(name);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const auto read = parse_faiss(std::span(whole).first(length));
      ASSERT_FALSE(read) << name << " " << length;
      EXPECT_EQ(read.error().code, ErrorCode::kBadFormat) << name << " " << length;
    }
    whole.push_back(std::byte{0});
    EXPECT_THAT(parse_faiss(whole).error().message, HasSubstr("1 bytes follow the end of the index"));
  }
}

TEST(FaissFile, WithAHostileNumberIsRefusedWithItsPlace) {
  const Bytes flat = kept_bytes("faiss_flat.index");
  EXPECT_THAT(faiss_error_after(flat, kFaissBits, 0), HasSubstr("byte 4: codes of 0 bits"));
  EXPECT_THAT(faiss_error_after(flat, kFaissBits, -8), HasSubstr("codes of -8 bits"));
  EXPECT_THAT(faiss_error_after(flat, kFaissBits, 20), HasSubstr("codes of 20 bits"));
  EXPECT_THAT(faiss_error_after(flat, kFaissBits, 65536), HasSubstr("codes of 65536 bits"));
  EXPECT_THAT(faiss_error_after(flat, kFaissCodeBytes, 2), HasSubstr("byte 8: 2 bytes for codes of 24 bits"));
  EXPECT_THAT(faiss_error_after(flat, kFaissCodeBytes, 0), HasSubstr("byte 8: 0 bytes for codes of 24 bits"));
  EXPECT_THAT(faiss_error_after(flat, kFaissCount, -1LL), HasSubstr("byte 12: -1 codes"));
  EXPECT_THAT(faiss_error_after(flat, kFaissCount, 5LL), HasSubstr("byte 25: 12 bytes for 5 codes of 24 bits"));
  EXPECT_THAT(faiss_error_after(flat, kFaissTrained, std::uint8_t{0}),
              HasSubstr("byte 20: an index that is not trained"));
  EXPECT_THAT(faiss_error_after(flat, kFaissMetric, 0), HasSubstr("byte 21: metric 0"));
  EXPECT_THAT(faiss_error_after(flat, kFaissHeader, ~0ULL), HasSubstr("byte 25: "));
  EXPECT_THAT(faiss_error_after(flat, kFaissHeader, (1ULL << 63) + 12), HasSubstr("byte 25: "));
  Bytes promising = flat;
  const std::int64_t count = 1LL << 40;
  std::memcpy(promising.data() + kFaissCount, &count, sizeof(count));
  EXPECT_THAT(faiss_error_after(promising, kFaissHeader, 3ULL << 40),
              HasSubstr("byte 33: the file ends within the codes"));

  const Bytes map = kept_bytes("faiss_idmap.index");
  const std::size_t ids = map.size() - 4 * 8;
  EXPECT_THAT(faiss_error_after(map, kFaissBits, 32),
              HasSubstr("a map of 4 codes of 32 bits over an index of 4 of 24"));
  EXPECT_THAT(faiss_error_after(map, kFaissCount, 5LL), HasSubstr("a map of 5 codes"));
  EXPECT_THAT(faiss_error_after(map, kFaissCodeBytes, 4), HasSubstr("byte 8: 4 bytes for codes of 24 bits"));
  EXPECT_THAT(faiss_error_after(map, ids - 8, 3ULL), HasSubstr("3 ids for 4 codes"));
  EXPECT_THAT(faiss_error_after(map, ids - 8, ~0ULL), HasSubstr("ids for 4 codes"));
  EXPECT_THAT(faiss_error_after(map, ids, -1LL), HasSubstr("id -1 is negative"));
  EXPECT_THAT(faiss_error_after(map, ids, 1000LL), HasSubstr("id 1000 occurs twice"));
}

TEST(FaissFile, OfAnotherKindIsRefusedByItsName) {
  Bytes bytes = kept_bytes("faiss_flat.index");
  std::memcpy(bytes.data(), "IBwF", 4);
  const auto read = parse_faiss(bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(read.error().message, HasSubstr("an index of kind IBwF cannot be read"));
  EXPECT_THAT(read.error().hint, HasSubstr("IndexBinaryFlat"));
  // A map of maps would go as deep as its file is long.
  Bytes map = kept_bytes("faiss_idmap.index");
  std::memcpy(map.data() + kFaissHeader, "IBMp", 4);
  EXPECT_EQ(parse_faiss(map).error().code, ErrorCode::kInvalidArgument);
}

TEST(FaissFile, NamesTheFileInItsErrors) {
  const auto folder = fresh_folder();
  EXPECT_EQ(read_faiss_file(folder / "none").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_file_atomically(folder / "other.index", std::string(100, '\x80')));
  const auto read = read_faiss_file(folder / "other.index");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("other.index: byte 0: not an index of FAISS"));
}

}  // namespace
}  // namespace warifu
