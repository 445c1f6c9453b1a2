// What a repair of a code store keeps: files that are not damaged, files that are, and its word when it is cut short.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/file.h"
#include "base/hash.h"
#include "base/rng.h"
#include "segments/code_segment.h"
#include "segments/code_store_check.h"
#include "segments/code_store_for_test.h"
#include "segments/store_log.h"
#include "segments/store_manifest.h"
#include "segments/store_names.h"

namespace warifu {
namespace {

using testing::Contains;
using testing::HasSubstr;
using FilesOfStore = std::map<std::string, Bytes>;

FilesOfStore files_of(const std::filesystem::path& folder) {
  FilesOfStore files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (auto bytes = read_file(entry.path(), 1 << 20)) files[entry.path().filename()] = std::move(*bytes);
  return files;
}

void put_files(const FilesOfStore& files, const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) std::filesystem::remove(entry.path());
  for (const auto& [name, bytes] : files) {
    std::ofstream file(folder / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
}

// A store with a file of each kind: two segments, deletes, and a log with changes.
class StoreToRepair : public testing::Test {
 protected:
  void SetUp() override {
    const auto store = open_store(folder_.path(), quiet_options());
    put(*store, 0, 40, 1);
    ASSERT_TRUE(store->flush());
    put(*store, 30, 60, 2);
    remove(*store, 5);
    ASSERT_TRUE(store->flush());
    for (std::int64_t row = 50; row < 70; ++row) put(*store, row, row + 1, 3);
    remove(*store, 7);
    whole_ = files_of(folder_.path());
    whole_.erase("writer.lock");
    ASSERT_EQ(whole_.size(), 5U);
  }

  void put(CodeStore& store, std::int64_t first, std::int64_t end, std::uint64_t version) {
    std::vector<std::int64_t> rows;
    std::vector<Code> codes;
    for (std::int64_t row = first; row < end; ++row) {
      rows.push_back(row);
      codes.push_back(model_[row] = code_of(row, version));
    }
    ASSERT_TRUE(store.put(rows, matrix_of(codes)));
  }
  void remove(CodeStore& store, std::int64_t row) {
    model_.erase(row);
    ASSERT_TRUE(store.remove(std::vector{row}));
  }

  // Puts back the whole store, but for the middle of one file.
  void damage(const std::string& name) {
    FilesOfStore files = whole_;
    damaged_ = name;
    files[name][files[name].size() / 2] ^= std::byte{1};
    damaged_bytes_ = files[name];
    put_files(files, folder_.path());
  }
  Result<StoreReport> repair(const StoreStepHook& hook = {}) {
    return repair_code_store(folder_.path(), test_space(), Modality::kImage, hook);
  }
  // Neither check nor repair call it damage, and not a byte is changed.
  void expect_refusal(ErrorCode code, const std::string& what) {
    const FilesOfStore before = files_of(folder_.path());
    const auto checked = check_code_store(folder_.path());
    ASSERT_FALSE(checked) << what;
    EXPECT_EQ(checked.error().code, code) << what;
    const auto repaired = repair();
    ASSERT_FALSE(repaired) << what;
    EXPECT_EQ(repaired.error().code, code) << what;
    EXPECT_FALSE(repaired.error().hint.empty()) << what;
    FilesOfStore after = files_of(folder_.path());
    after.erase("writer.lock");
    EXPECT_EQ(after, before) << what;
  }
  // The damaged bytes are there, and neither opening the store nor a repair takes them away.
  void expect_kept_and_repairable(const std::string& when) {
    const auto kept = [&] {
      const FilesOfStore files = files_of(folder_.path());
      const auto in = files.find(damaged_);
      const auto aside = files.find(damaged_ + ".damaged");
      return (in != files.end() && in->second == damaged_bytes_) ||
             (aside != files.end() && aside->second == damaged_bytes_);
    };
    ASSERT_TRUE(kept()) << damaged_ << ", " << when;
    static_cast<void>(CodeStore::open(folder_.path(), test_space(), Modality::kImage, quiet_options()).has_value());
    ASSERT_TRUE(kept()) << damaged_ << ", opened, " << when;
    const auto repaired = repair();
    ASSERT_TRUE(repaired) << damaged_ << ", " << when << ": " << repaired.error().message;
    ASSERT_TRUE(kept()) << damaged_ << ", repaired, " << when;
    ASSERT_TRUE(check_code_store(folder_.path())->problems.empty()) << damaged_ << ", " << when;
    const auto contents = read_store(folder_.path(), test_space());
    ASSERT_TRUE(contents) << damaged_ << ", " << when << ": " << contents.error().message;
    // Without a manifest nobody knows which of its files a repair had written when it was cut short.
    if (damaged_ == kStoreManifestName) return;
    ASSERT_EQ(*contents, repaired_) << damaged_ << ", " << when;
  }

  FastFolder folder_;
  Model model_;
  FilesOfStore whole_;
  std::string damaged_;
  Bytes damaged_bytes_;
  Model repaired_;  // what the store holds after a repair that nothing interrupts
};

TEST_F(StoreToRepair, IsLeftAloneWhereAFileCannotBeRead) {
  for (const bool another_is_damaged : {false, true}) {
    for (const auto& [name, bytes] : whole_) {
      FilesOfStore files = whole_;
      files.erase(name);
      if (another_is_damaged) files.begin()->second[40] ^= std::byte{1};
      put_files(files, folder_.path());
      std::filesystem::create_symlink(name, folder_.path() / name);  // "too many levels", which is no damage
      expect_refusal(ErrorCode::kIo, name);
    }
  }
}

TEST_F(StoreToRepair, IsLeftAloneWhereAFileIsOfANewerVersion) {
  for (const auto& [name, bytes] : whole_) {
    FilesOfStore files = whole_;
    Bytes& newer = files[name];
    newer[8] = std::byte{99};
    // Where the checksum that covers the version lies: behind the header, or at the end.
    std::size_t end = newer.size() - 4;
    if (name.ends_with(".wcl")) end = 76;
    if (name.ends_with(".wcs")) {
      std::uint32_t header_bytes = 0;
      std::memcpy(&header_bytes, &newer[12], sizeof header_bytes);
      end = header_bytes - 4;
    }
    const std::uint32_t checksum = crc32c(std::span(newer).first(end));
    std::memcpy(&newer[end], &checksum, sizeof checksum);
    put_files(files, folder_.path());
    expect_refusal(ErrorCode::kIncompatible, name);
  }
}

TEST_F(StoreToRepair, IsRepairedWhereAVersionIsAFlippedBit) {
  for (const auto& [name, bytes] : whole_) {
    FilesOfStore files = whole_;
    files[name][8] ^= std::byte{0x40};
    put_files(files, folder_.path());
    const auto repaired = repair();
    ASSERT_TRUE(repaired) << name << ": " << repaired.error().message;
    EXPECT_FALSE(repaired->losses.empty()) << name;
  }
}

TEST_F(StoreToRepair, IsLeftAloneWithoutAManifestWhenTheCallerMeansAnotherSpace) {
  FilesOfStore files = whole_;
  files.erase("manifest.wcm");
  put_files(files, folder_.path());
  CodeSpace other = test_space();
  ++other.generation;
  const auto repaired = repair_code_store(folder_.path(), other, Modality::kImage);
  ASSERT_FALSE(repaired);
  EXPECT_EQ(repaired.error().code, ErrorCode::kIncompatible);
  FilesOfStore after = files_of(folder_.path());
  after.erase("writer.lock");
  EXPECT_EQ(after, files);
  ASSERT_TRUE(repair());
  EXPECT_EQ(read_store(folder_.path(), test_space()).value(), model_);
}

TEST_F(StoreToRepair, LeavesOutWhatNoManifestMayNameWhenItsOwnIsLost) {
  FilesOfStore files = whole_;
  files.erase("manifest.wcm");
  std::string segment;
  for (const auto& [name, bytes] : files)
    if (name.ends_with(".wcs")) segment = name;
  const auto parsed = parse_store_file_name(segment);
  ASSERT_TRUE(parsed);
  const std::string twin = segment_file_name(parsed->number, parsed->last_sequence + 1);
  const std::string beyond = segment_file_name(~std::uint64_t{0}, 1);
  const std::string empty = segment_file_name(100, 1);
  const std::string late_log = log_file_name(101);
  files[twin] = files[segment];
  files[beyond] = files[segment];
  files[empty] = *code_segment_bytes({test_space(), Modality::kImage, {}, CodeMatrix(0, 64)});
  const auto log =
      log_header_words({101, ~std::uint64_t{0}, 1, store_identity(test_space(), Modality::kImage), test_space().bits});
  const auto log_bytes = std::as_bytes(std::span(log));
  files[late_log] = Bytes(log_bytes.begin(), log_bytes.end());
  put_files(files, folder_.path());

  const auto repaired = repair();
  ASSERT_TRUE(repaired) << repaired.error().message;
  EXPECT_THAT(repaired->problems, Contains(HasSubstr(twin + ": its number is that of " + segment)));
  EXPECT_THAT(repaired->problems, Contains(HasSubstr(empty + ": it has no codes")));
  EXPECT_THAT(repaired->problems, Contains(HasSubstr(late_log)));
  EXPECT_EQ(read_store(folder_.path(), test_space()).value(), model_);
  for (const std::string& name : {twin, empty, late_log})
    EXPECT_TRUE(std::filesystem::exists(folder_.path() / (name + ".damaged"))) << name;
  const auto store = open_store(folder_.path(), quiet_options());
  ASSERT_TRUE(put_one(*store, 1000, {1}));
  ASSERT_TRUE(store->compact());
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / beyond)) << "no store's file";
}

// Sees the folder of a repair before each of its steps: what a process that is killed there leaves, and what a power
// cut may leave of it.
class RepairCuts {
 public:
  explicit RepairCuts(const std::filesystem::path& folder) : folder_(folder), durable_(files_of(folder)) {}

  int before(StoreStep step) {
    FilesOfStore now = files_of(folder_);
    if (folder_was_synced_) durable_ = now;
    folder_was_synced_ = step == StoreStep::kSyncFolder;
    for (int i = 0; i < 4; ++i) cuts_.push_back(left_of(now));
    cuts_.push_back(std::move(now));
    return 0;
  }
  const std::vector<FilesOfStore>& cuts() const { return cuts_; }

 private:
  // Names that changed since the folder was synced may be there or not, each by itself.
  FilesOfStore left_of(const FilesOfStore& now) {
    FilesOfStore left = durable_;
    for (const auto& [name, bytes] : now)
      if (rng_.below(2) == 0) left[name] = bytes;
    for (const auto& [name, bytes] : durable_)
      if (!now.contains(name) && rng_.below(2) == 0) left.erase(name);
    return left;
  }

  const std::filesystem::path folder_;
  FilesOfStore durable_;
  bool folder_was_synced_ = false;
  std::vector<FilesOfStore> cuts_;
  Rng rng_{11};
};

TEST_F(StoreToRepair, KeepsWhatIsDamagedAndIsRepairedAgainWhereverARepairIsCutShort) {
  for (const auto& [name, bytes] : whole_) {
    damage(name);
    RepairCuts cuts(folder_.path());
    ASSERT_TRUE(repair([&](StoreStep step, const std::filesystem::path&) { return cuts.before(step); })) << name;
    repaired_ = read_store(folder_.path(), test_space()).value();
    expect_kept_and_repairable("at its end");
    ASSERT_GT(cuts.cuts().size(), 60U);
    for (std::size_t i = 0; i < cuts.cuts().size(); ++i) {
      put_files(cuts.cuts()[i], folder_.path());
      expect_kept_and_repairable("cut " + std::to_string(i));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(StoreToRepair, KeepsWhatIsDamagedAndIsRepairedAgainWhicheverStepFails) {
  for (const auto& [name, bytes] : whole_) {
    damage(name);
    ASSERT_TRUE(repair());
    repaired_ = read_store(folder_.path(), test_space()).value();
    bool failed = true;
    for (int step = 0; failed; ++step) {
      damage(name);
      int until = step;
      const auto report = repair([&](StoreStep, const std::filesystem::path&) { return until-- == 0 ? ENOSPC : 0; });
      if (!report) {
        EXPECT_EQ(report.error().code, ErrorCode::kIo);
      }
      failed = until < 0;
      expect_kept_and_repairable("step " + std::to_string(step));
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace warifu
