// What is left of a code store when an fsync fails, the store is opened again, and then the power goes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <set>

#include "segments/code_store_crash_for_test.h"

namespace warifu {
namespace {

// The disk below what the system shows of a folder. An fsync that fails marks the pages clean that it could not write:
// they are read as if they were on the disk, the next fsync has nothing to do and succeeds, and they never get there
// (A. Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020: so do ext4 and XFS).
class DiskBelowCache {
 public:
  explicit DiskBelowCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The first step that `fails` picks does so, and no other.
  void fail(std::function<bool(StoreStep)> fails) { fails_ = std::move(fails); }
  bool has_failed() const { return !fails_; }

  int before(StoreStep step, const std::filesystem::path& file) {
    finish_step();
    if (fails_ && fails_(step)) {
      fails_ = {};
      lose(step, file);
      return EIO;
    }
    step_ = step;
    file_ = file.filename();
    return 0;
  }
  // What is there after a power cut.
  Image left() {
    finish_step();
    return disk_;
  }

 private:
  void finish_step() {
    if (!step_) return;
    if (changes_a_name(*step_)) lost_names_.erase(file_);
    if (step_ == StoreStep::kCreateLog) {
      // Another file, should a log that could not be created have had its name.
      logs_.erase(file_);
      lost_bytes_.erase(file_);
    }
    if (step_ == StoreStep::kSyncLog) sync_log();
    if (step_ == StoreStep::kSyncFolder) sync_names();
    // Nobody waits for a removal to be durable, but it may be: that is the worse case.
    if (step_ == StoreStep::kRemove) disk_.erase(file_);
    step_.reset();
  }
  static bool changes_a_name(StoreStep step) {
    return step == StoreStep::kCreateLog || step == StoreStep::kWriteSegment || step == StoreStep::kRename ||
           step == StoreStep::kRemove;
  }
  void sync_log() {
    Bytes bytes = read_file(folder_ / file_, kMaxImageBytes).value_or(Bytes{});  // a log given up is gone by now
    const auto [begin, end] = lost_bytes_[file_];
    for (std::size_t i = begin; i < std::min(end, bytes.size()); ++i) bytes[i] = std::byte{0};
    logs_[file_] = bytes;
    if (disk_.contains(file_)) disk_[file_] = std::move(bytes);
  }
  void sync_names() {
    Image now = image_of(folder_);
    for (const std::string& name : names(now)) {
      if (lost_names_.contains(name)) continue;
      if (!now.contains(name))
        disk_.erase(name);
      else
        disk_[name] = logs_.contains(name) ? logs_[name] : now[name];
    }
  }
  void lose(StoreStep step, const std::filesystem::path& file) {
    const Image now = image_of(folder_);
    const std::string name = file.filename();
    if (step == StoreStep::kSyncLog) lost_bytes_[name] = {logs_[name].size(), now.at(name).size()};
    if (step != StoreStep::kSyncFolder) return;
    for (const std::string& changed : names(now))
      if (content(now, changed) != content(disk_, changed)) lost_names_.insert(changed);
  }
  // Those of `now` and those on the disk.
  std::set<std::string> names(const Image& now) const {
    std::set<std::string> names;
    for (const Image* image : {&now, &disk_})
      for (const auto& [name, bytes] : *image) names.insert(name);
    return names;
  }
  static std::optional<Bytes> content(const Image& image, const std::string& name) {
    const auto at = image.find(name);
    return at == image.end() ? std::nullopt : std::optional(at->second);
  }

  const std::filesystem::path folder_;
  Image disk_;
  Image logs_;  // those that grow in their place, as far as they were synced, by whatever name
  std::map<std::string, std::pair<std::size_t, std::size_t>> lost_bytes_;  // of logs: from, to
  std::set<std::string> lost_names_;  // on the disk as they were until they change again
  std::function<bool(StoreStep)> fails_;
  std::optional<StoreStep> step_;  // allowed, and done when the next one begins
  std::string file_;               // of it
};

class StoreOnFailingDisk {
 public:
  Result<std::unique_ptr<CodeStore>> open() {
    CodeStoreOptions options = quiet_options(12);
    options.step_hook = [this](StoreStep step, const std::filesystem::path& file) { return disk_.before(step, file); };
    return CodeStore::open(folder_.path(), test_space(kStoreBits), Modality::kImage, options);
  }
  DiskBelowCache& disk() { return disk_; }
  // Every code that is shown is there after a power cut, and nothing else is.
  void expect_durable(const CodeStore& store, const std::string& when) {
    lay_out(disk_.left(), copy_.path());
    const auto left = read_store(copy_.path(), test_space(kStoreBits));
    ASSERT_TRUE(left) << when << ": " << left.error().message;
    ASSERT_EQ(*left, contents_of(*store.snapshot())) << when;
  }

 private:
  FastFolder folder_, copy_;
  DiskBelowCache disk_{folder_.path()};
};

TEST(LostPages, AreWrittenAnewBeforeTheyAreShownAgain) {
  StoreOnFailingDisk on;
  auto store = on.open().value();
  ASSERT_TRUE(put_one(*store, 1, code_of(1, 1, kStoreBits)));
  on.disk().fail([](StoreStep step) { return step == StoreStep::kSyncLog; });
  ASSERT_FALSE(put_one(*store, 2, code_of(2, 1, kStoreBits)));
  on.expect_durable(*store, "refused");
  store.reset();
  store = on.open().value();
  ASSERT_EQ(store->snapshot()->find(2), code_of(2, 1, kStoreBits)) << "the system shows what it could not write";
  on.expect_durable(*store, "opened again");
  ASSERT_TRUE(put_one(*store, 3, code_of(3, 1, kStoreBits)));
  on.expect_durable(*store, "changed");
}

TEST(LostPages, MayBeTheNameOfTheManifest) {
  StoreOnFailingDisk on;
  auto store = on.open().value();
  ASSERT_TRUE(put_one(*store, 1, code_of(1, 1, kStoreBits)));
  bool renamed = false;
  on.disk().fail([&](StoreStep step) {
    renamed = renamed || step == StoreStep::kRename;
    return renamed && step == StoreStep::kSyncFolder;
  });
  ASSERT_FALSE(store->flush());
  on.expect_durable(*store, "with the former manifest");
  store.reset();
  store = on.open().value();
  on.expect_durable(*store, "opened again");
}

// Opens a store, changes it, and opens it again after whatever failed.
void expect_to_lose_nothing(StoreOnFailingDisk& on) {
  for (std::uint64_t opening = 0; opening < 3; ++opening) {
    const auto store = on.open();
    if (!store) continue;
    ASSERT_NO_FATAL_FAILURE(on.expect_durable(**store, "opened"));
    for (std::uint64_t n = 15 * opening; n < 15 * (opening + 1); ++n)
      static_cast<void>(change_number(n, kStoreBits, 30).apply_to(**store).has_value());
    ASSERT_NO_FATAL_FAILURE(on.expect_durable(**store, "changed"));
  }
}

TEST(LostPages, AreNeverAmongWhatIsShownWhicheverStepFailed) {
  int steps = 0;
  for (bool failed = true; failed; ++steps) {
    StoreOnFailingDisk on;
    on.disk().fail([left = steps](StoreStep) mutable { return left-- == 0; });
    expect_to_lose_nothing(on);
    if (testing::Test::HasFatalFailure()) FAIL() << "step " << steps;
    failed = on.disk().has_failed();
  }
  EXPECT_GT(steps, 100);
}

}  // namespace
}  // namespace warifu
