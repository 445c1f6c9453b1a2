// The files of a code store as bytes: docs/reference/formats/code-store.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "segments/code_store_check.h"
#include "segments/code_store_for_test.h"
#include "segments/store_bytes.h"
#include "segments/store_deletes.h"
#include "segments/store_files.h"
#include "segments/store_log.h"
#include "segments/store_manifest.h"
#include "segments/store_names.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::filesystem::path kKeptStore = std::filesystem::path(WARIFU_FORMATS_DIR) / "v1" / "code_store";
const Model kKeptStoreCodes = {{7, {5, 6}}, {9, {~0ULL, 0x3F}}};

Bytes kept_in_store(const std::string& name) { return *read_file(kKeptStore / name, 1 << 20); }

TEST(StoreFormats, ReadsTheStoreThatVersion1Wrote) {
  const CodeSpace space = test_space(70);
  const auto contents = read_store(kKeptStore, space, Modality::kText);
  ASSERT_TRUE(contents) << contents.error().message;
  EXPECT_EQ(*contents, kKeptStoreCodes);
  const FastFolder memory;
  std::filesystem::copy(kKeptStore, memory.path(), std::filesystem::copy_options::recursive);
  EXPECT_TRUE(check_code_store(memory.path())->problems.empty());
  const auto store = CodeStore::open(memory.path(), space, Modality::kText, quiet_options());
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->compact());
  EXPECT_EQ(contents_of(*(*store)->snapshot()), kKeptStoreCodes);
}

TEST(StoreFormats, WritesManifestAndDeletesAsVersion1Did) {
  const Bytes manifest = kept_in_store("manifest.wcm");
  const auto parsed = parse_manifest(manifest);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(manifest_bytes(*parsed), manifest);
  EXPECT_EQ(parsed->space, test_space(70));
  EXPECT_EQ(parsed->segments.size(), 2U);
  ASSERT_EQ(parsed->deletes.size(), 1U);
  const Bytes deletes = kept_in_store(deletes_file_name(parsed->deletes[0].number));
  const StoreIdentity identity = store_identity(parsed->space, parsed->modality);
  const auto positions = parse_deletes(deletes, identity);
  ASSERT_TRUE(positions) << positions.error().message;
  EXPECT_THAT(*positions, ElementsAre(DeletedPositions{parsed->segments[0].number, {0, 1}}));
  EXPECT_EQ(deletes_bytes(identity, *positions), deletes);
}

TEST(StoreFormats, NoticesEveryFlippedBitOfManifestAndDeletes) {
  const auto manifest = *parse_manifest(kept_in_store("manifest.wcm"));
  const StoreIdentity identity = store_identity(manifest.space, manifest.modality);
  for (const std::string& name : {std::string("manifest.wcm"), deletes_file_name(manifest.deletes[0].number)}) {
    const Bytes bytes = kept_in_store(name);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      Bytes flipped = bytes;
      flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      EXPECT_FALSE(parse_manifest(flipped));
      EXPECT_FALSE(parse_deletes(flipped, identity));
    }
    for (std::size_t end = 0; end < bytes.size(); ++end) EXPECT_FALSE(parse_manifest(std::span(bytes).first(end)));
  }
}

TEST(StoreFormats, RefusesAManifestOfANewerVersion) {
  StoreBytesWriter writer;
  writer.put(std::string_view("WARIFUCM"));
  writer.put(std::uint32_t{2});
  writer.put(std::string_view("whatever comes"));
  const auto newer = parse_manifest(writer.close());
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::kIncompatible);
  EXPECT_THAT(newer.error().message, HasSubstr("version 2"));
}

TEST(StoreFormats, RefusesManifestsThatBreakARuleUnderARightChecksum) {
  const StoreManifest good = *parse_manifest(kept_in_store("manifest.wcm"));
  const auto refused = [](StoreManifest manifest, void (*change)(StoreManifest&)) {
    change(manifest);
    return !parse_manifest(manifest_bytes(manifest)).has_value();
  };
  EXPECT_FALSE(refused(good, [](StoreManifest&) {}));
  EXPECT_TRUE(refused(good, [](StoreManifest& m) { m.segments[1].number = m.segments[0].number; }));
  EXPECT_TRUE(refused(good, [](StoreManifest& m) { std::swap(m.segments[0], m.segments[1]); }));
  EXPECT_TRUE(refused(good, [](StoreManifest& m) { m.segments[1].last_sequence = m.first_sequence; }));
  EXPECT_TRUE(refused(good, [](StoreManifest& m) { m.segments[0].count = 0; }));
  EXPECT_TRUE(refused(good, [](StoreManifest& m) { m.next_number = m.log_number; }));
  EXPECT_TRUE(refused(good, [](StoreManifest& m) { m.next_number = kStoreNumberEnd + 1; }));
  EXPECT_TRUE(refused(good, [](StoreManifest& m) { m.first_sequence = kStoreNumberEnd + 1; }));
  EXPECT_TRUE(refused(good, [](StoreManifest& m) { m.space.bits = 0; }));
}

TEST(StoreFormats, WritesNoManifestThatCouldNotBeReadBack) {
  const FastFolder memory;
  const StoreFolder folder(memory.path());
  StoreManifest manifest = *parse_manifest(kept_in_store("manifest.wcm"));
  ASSERT_TRUE(write_manifest(folder, manifest));
  StoreManifest broken = manifest;
  broken.segments[1].number = broken.segments[0].number;
  EXPECT_EQ(write_manifest(folder, broken).error().code, ErrorCode::kInternal);
  EXPECT_EQ(read_manifest(folder).value(), manifest);
}

// A log with `groups` groups of two changes each, of one row and code.
std::vector<std::uint64_t> log_of(int groups) {
  auto words = log_header_words({4, 100, 0x5A17, store_identity(test_space(), Modality::kImage), 64});
  const std::uint32_t checksum = log_header_checksum(words);
  for (std::uint64_t sequence = 100; sequence < 100 + 2 * static_cast<std::uint64_t>(groups); ++sequence) {
    const std::vector rows = {static_cast<std::int64_t>(sequence)};
    auto record = change_words(ChangeKind::kPut, rows, matrix_of({{sequence * 3}}));
    seal_record(record, checksum, sequence, sequence / 2 * 2);
    words.insert(words.end(), record.begin(), record.end());
  }
  return words;
}
constexpr std::size_t kLogRecordWords = 6;

TEST(StoreLog, TakesTheLastGroupForUnfinishedAndAnEarlierOneForDamaged) {
  for (std::size_t record = 0; record < 6; ++record) {
    auto words = log_of(3);
    words[kLogHeaderWords + record * kLogRecordWords + 5] ^= 1;  // its code
    const auto log = parse_log(std::as_bytes(std::span(words)));
    ASSERT_TRUE(log);
    EXPECT_EQ(log->changes.size(), record);
    EXPECT_TRUE(log->torn);
    EXPECT_EQ(log->damage.has_value(), record < 4) << record;
    EXPECT_EQ(log->later.size(), 5 - record);
  }
}

TEST(StoreLog, DoesNotTakeRecordsOfAnotherLogForItsOwn) {
  auto words = log_of(1);
  const auto other = log_header_words({5, 100, 0x5A18, store_identity(test_space(), Modality::kImage), 64});
  auto record = change_words(ChangeKind::kPut, std::vector<std::int64_t>{1}, matrix_of({{1}}));
  seal_record(record, log_header_checksum(other), 102, 102);
  words.insert(words.end(), record.begin(), record.end());
  const auto log = parse_log(std::as_bytes(std::span(words)));
  ASSERT_TRUE(log);
  EXPECT_EQ(log->changes.size(), 2U);
  EXPECT_EQ(log->end_bytes, 8 * (kLogHeaderWords + 2 * kLogRecordWords));
  EXPECT_FALSE(log->damage);
}

TEST(StoreLog, RefusesAChangeThatBreaksARuleUnderRightChecksums) {
  auto words = log_of(0);
  auto record = change_words(ChangeKind::kPut, std::vector<std::int64_t>{-5}, matrix_of({{1}}));
  seal_record(record, log_header_checksum(words), 100, 100);
  words.insert(words.end(), record.begin(), record.end());
  const auto log = parse_log(std::as_bytes(std::span(words)));
  ASSERT_FALSE(log);
  EXPECT_THAT(log.error().message, HasSubstr("change 100: a negative row"));
}

TEST(StoreNames, AreReadBackAndNoOthersAre) {
  const auto segment = parse_store_file_name(segment_file_name(0xAB, 0x12));
  ASSERT_TRUE(segment);
  EXPECT_EQ(segment->kind, StoreFileKind::kSegment);
  EXPECT_EQ(segment->number, 0xABU);
  EXPECT_EQ(segment->last_sequence, 0x12U);
  EXPECT_EQ(parse_store_file_name(log_file_name(3))->kind, StoreFileKind::kLog);
  EXPECT_EQ(parse_store_file_name(deletes_file_name(3))->kind, StoreFileKind::kDeletes);
  EXPECT_EQ(parse_store_file_name("manifest.wcm")->kind, StoreFileKind::kManifest);
  EXPECT_EQ(parse_store_file_name(log_file_name(3) + ".tmp")->kind, StoreFileKind::kTemporary);
  EXPECT_EQ(parse_store_file_name(segment_file_name(3, 2) + ".tmp.aZ09bY")->kind, StoreFileKind::kTemporary);
  for (const std::string& name :
       {log_file_name(3) + ".damaged", std::string("log-3.wcl"), std::string("writer.lock"),
        std::string("manifest.wcm.damaged"), std::string("log-000000000000000g.wcl"), log_file_name(3) + ".backup",
        log_file_name(3) + ".tmp.bac-up", log_file_name(kStoreNumberEnd)})
    EXPECT_FALSE(parse_store_file_name(name)) << name;
}

}  // namespace
}  // namespace warifu
