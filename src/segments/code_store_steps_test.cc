// What is left of a code store when the power goes between any two steps on its folder, and when a step fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "segments/code_store_check.h"
#include "segments/code_store_crash_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

// Sees a store's folder before each of its steps, with what a power cut would leave of it.
class PowerCuts {
 public:
  PowerCuts(const std::filesystem::path& folder, const History& history) : folder_(folder), history_(history) {}

  int before(StoreStep step, const std::filesystem::path& file) {
    const Image now = image_of(folder_);
    if (folder_was_synced_) durable_ = now;
    folder_was_synced_ = step == StoreStep::kSyncFolder && file == folder_;
    // Not yet a store.
    if (!now.contains("manifest.wcm") || !durable_.contains("manifest.wcm")) return 0;
    expect_store(now);
    for (int i = 0; i < 4; ++i) expect_store(left_of(now));
    return 0;
  }
  std::size_t cuts() const { return cuts_; }

 private:
  // Names that changed since the folder was synced may be there or not, each by itself.
  Image left_of(const Image& now) {
    Image left = durable_;
    for (const auto& [name, bytes] : now) {
      const bool log = name.starts_with("log-");  // grows in its place, and is synced by itself
      if ((durable_.contains(name) && log) || rng_.below(2) == 0) left[name] = bytes;
    }
    for (const auto& [name, bytes] : durable_)
      if (!now.contains(name) && rng_.below(2) == 0) left.erase(name);
    return left;
  }
  void expect_store(const Image& image) {
    ++cuts_;
    lay_out(image, copy_.path());
    const auto contents = read_store(copy_.path(), test_space(kStoreBits));
    ASSERT_TRUE(contents) << contents.error().message;
    // The newest change may be under way.
    const std::size_t newest = history_.size();
    ASSERT_TRUE(history_.find(*contents, newest == 0 ? 0 : newest - 1)) << "cut " << cuts_;
    if (cuts_ % 16 != 0) return;
    ASSERT_TRUE(put_one(*open_store(copy_.path(), quiet_options(), test_space(kStoreBits)), 1000,
                        code_of(1000, 1, kStoreBits)));
    const auto report = check_code_store(copy_.path());
    ASSERT_TRUE(report);
    ASSERT_TRUE(report->problems.empty()) << report->problems[0];
  }

  const std::filesystem::path folder_;
  const History& history_;
  FastFolder copy_;
  Image durable_;
  bool folder_was_synced_ = false;
  Rng rng_{3};
  std::size_t cuts_ = 0;
};

TEST(CodeStoreCrash, LosesNothingBetweenAnyTwoStepsOnItsFolder) {
  const FastFolder memory;
  History history;
  PowerCuts cuts(memory.path(), history);
  CodeStoreOptions options = quiet_options(24);
  options.step_hook = [&](StoreStep step, const std::filesystem::path& file) { return cuts.before(step, file); };
  auto store = open_store(memory.path(), options, test_space(kStoreBits));
  for (std::uint64_t n = 0; n < 300; ++n) {
    const Change change = change_number(n, kStoreBits, 80);
    history.add(change);
    ASSERT_TRUE(change.apply_to(*store));
    ASSERT_EQ(contents_of(*store->snapshot()), history.newest());
    if (n % 60 == 59) {
      ASSERT_TRUE(store->compact());
    }
    if (n % 50 != 49) continue;
    store.reset();
    store = open_store(memory.path(), options, test_space(kStoreBits));
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(cuts.cuts(), 4000U);
}

// Fails one step of a run, the n-th.
struct FailingStep {
  int until = 0;
  int reason = 0;
  bool failed = false;
  int before(StoreStep, const std::filesystem::path&) { return until-- == 0 ? (failed = true, reason) : 0; }
};

// What a run with one failing step comes to. Changes that failed are not part of the history, or (where nobody can
// know) may be at its end.
void run_with_failure(FailingStep& failing) {
  const FastFolder memory;
  CodeStoreOptions options = quiet_options(12);
  options.step_hook = [&](StoreStep step, const std::filesystem::path& file) { return failing.before(step, file); };
  Model model;
  Model maybe;
  bool broken = false;
  {
    auto opened = CodeStore::open(memory.path(), test_space(kStoreBits), Modality::kImage, options);
    if (!opened) {
      ASSERT_TRUE(failing.failed);
      ASSERT_EQ(opened.error().code, ErrorCode::kIo);
      ASSERT_FALSE(opened.error().hint.empty());
      opened = CodeStore::open(memory.path(), test_space(kStoreBits), Modality::kImage, options);
    }
    ASSERT_TRUE(opened) << opened.error().message;
    for (std::uint64_t n = 0; n < 40; ++n) {
      const Change change = change_number(n, kStoreBits, 30);
      const auto done = change.apply_to(**opened);
      if (done) change.apply_to(model);
      if (!broken) {
        maybe = model;
        change.apply_to(maybe);
      }
      if (!done) {
        ASSERT_EQ(done.error().code, ErrorCode::kIo);
      }
      if (!done && failing.reason == ENOSPC && !done.error().hint.contains("open the store again")) {
        ASSERT_THAT(done.error().hint, HasSubstr("make room"));
      }
      broken = broken || !done;
      ASSERT_EQ(contents_of(*(*opened)->snapshot()), model) << "reading goes on";
      if (n == 30) static_cast<void>((*opened)->compact().has_value());
    }
  }
  const auto contents = read_store(memory.path(), test_space(kStoreBits));
  ASSERT_TRUE(contents) << contents.error().message;
  ASSERT_TRUE(*contents == model || *contents == maybe);
  const auto store = open_store(memory.path(), quiet_options(), test_space(kStoreBits));
  ASSERT_TRUE(put_one(*store, 5, code_of(5, 99, kStoreBits)));
  ASSERT_TRUE(store->compact());
  const auto report = check_code_store(memory.path());
  ASSERT_TRUE(report && report->problems.empty());
}

TEST(CodeStoreCrash, KeepsItsWordWhicheverStepFails) {
  for (const int reason : {ENOSPC, EIO, EROFS}) {
    int steps = 0;
    for (bool failed = true; failed; ++steps) {
      FailingStep failing{steps, reason};
      run_with_failure(failing);
      if (testing::Test::HasFatalFailure()) FAIL() << "step " << steps << ", reason " << reason;
      failed = failing.failed;
    }
    EXPECT_GT(steps, 100);
  }
}

TEST(CodeStoreCrash, TakesNoMoreChangesAfterAFailedFsync) {
  const FastFolder memory;
  bool failing = false;
  CodeStoreOptions options = quiet_options();
  options.step_hook = [&](StoreStep step, const std::filesystem::path&) {
    return failing && step == StoreStep::kSyncLog ? EIO : 0;
  };
  auto store = open_store(memory.path(), options);
  ASSERT_TRUE(put_one(*store, 1, {1}));
  failing = true;
  ASSERT_FALSE(put_one(*store, 2, {2}));
  failing = false;
  const auto refused = put_one(*store, 3, {3});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_THAT(refused.error().message, HasSubstr("takes no more changes"));
  EXPECT_FALSE(store->flush());
  EXPECT_EQ(contents_of(*store->snapshot()), (Model{{1, {1}}})) << "reading goes on";
  store.reset();
  store = open_store(memory.path(), options);
  EXPECT_EQ(store->snapshot()->find(1), Code{1});
  EXPECT_EQ(store->snapshot()->find(3), std::nullopt);
  EXPECT_TRUE(put_one(*store, 3, {3}));
}

TEST(CodeStoreCrash, CanBeSearchedWhereNothingCanBeWritten) {
  const FastFolder memory;
  ASSERT_TRUE(put_one(*open_store(memory.path(), quiet_options()), 1, {1}));
  const Image before = image_of(memory.path());
  CodeStoreOptions options;
  options.step_hook = [](StoreStep, const std::filesystem::path&) { return EROFS; };
  const auto store = CodeStore::open(memory.path(), test_space(), Modality::kImage, options);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kIo);
  EXPECT_THAT(store.error().message, HasSubstr("Read-only file system"));
  EXPECT_THAT(store.error().hint, HasSubstr("can only be searched here"));
  EXPECT_EQ(read_store(memory.path(), test_space()).value(), (Model{{1, {1}}}));
  EXPECT_EQ(image_of(memory.path()), before);
}

}  // namespace
}  // namespace warifu
