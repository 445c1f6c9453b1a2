// What is left of a code store when its process is killed, and what it does while the disk is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <thread>

#include "base/child_for_test.h"
#include "base/rng.h"
#include "segments/code_store_check.h"
#include "segments/code_store_crash_for_test.h"

namespace warifu {
namespace {

using testing::HasSubstr;

TEST(CodeStoreCrash, KeepsEveryAcknowledgedChangeWhenItsWriterIsKilled) {
  constexpr int kRounds = 250;
  const FastFolder memory;
  CodeStoreOptions options;
  options.max_memory_codes = 40;
  Rng rng(17);
  Model model;
  std::uint64_t done = 0;  // changes
  for (int round = 0; round < kRounds; ++round) {
    Child<std::uint64_t> writer([&](const auto& tell) {
      const auto store = CodeStore::open(memory.path(), test_space(kStoreBits), Modality::kImage, options);
      if (!store) return 1;
      for (std::uint64_t n = done;; ++n) {
        if (!change_number(n, kStoreBits, 200).apply_to(**store)) return 2;
        tell(n + 1);
      }
    });
    // Killed some changes later, or now and then while it opens the store.
    std::uint64_t told = done;
    for (std::uint64_t heard = round % 8 == 0 ? 0 : 1 + rng.below(16); heard > 0; --heard) {
      const auto next = writer.hear();
      ASSERT_TRUE(next) << "round " << round;
      told = *next;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(rng.below(2000)));
    writer.kill();
    while (const auto next = writer.hear()) told = *next;
    for (; done < told; ++done) change_number(done, kStoreBits, 200).apply_to(model);

    if (!std::filesystem::exists(memory.path() / "manifest.wcm")) continue;  // killed before there was a store
    const auto contents = read_store(memory.path(), test_space(kStoreBits));
    ASSERT_TRUE(contents) << "round " << round << ": " << contents.error().message;
    // The change under way may be there too: then whole.
    if (*contents != model) change_number(done++, kStoreBits, 200).apply_to(model);
    ASSERT_EQ(*contents, model) << "round " << round;
  }
  EXPECT_GT(done, 1000U);
  const auto report = check_code_store(memory.path());
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->problems.empty());
}

TEST(CodeStoreCrash, IsSearchedButNotOpenedWhileTheDiskIsFull) {
  const FastFolder memory;
  ASSERT_TRUE(put_one(*open_store(memory.path(), quiet_options()), 1, {1}));
  Image before = image_of(memory.path());
  Child<std::uint64_t> writer([&](const auto&) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{64, RLIM_INFINITY};  // no file grows past this: what a full disk looks like
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const auto store = CodeStore::open(memory.path(), test_space(), Modality::kImage, quiet_options());
    if (store || store.error().code != ErrorCode::kIo) return 2;
    if (!store.error().hint.contains("make room on the disk")) return 3;
    return read_store(memory.path(), test_space()).value_or(Model{}) == Model{{1, {1}}} ? 0 : 4;
  });
  EXPECT_EQ(writer.wait(), 0);
  Image after = image_of(memory.path());
  before.erase("writer.lock");
  after.erase("writer.lock");
  EXPECT_EQ(after, before);
  EXPECT_TRUE(put_one(*open_store(memory.path(), quiet_options()), 2, {2})) << "there is room again";
}

TEST(CodeStoreCrash, GoesOnWhenAFullDiskHasRoomAgain) {
  const FastFolder memory;
  Child<std::uint64_t> writer([&](const auto&) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const rlim_t all = std::exchange(limit.rlim_cur, 10000);  // no file grows past this: what a full disk looks like
    const auto store = CodeStore::open(memory.path(), test_space(kStoreBits), Modality::kImage, quiet_options());
    if (!store || ::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    std::uint64_t n = 0;
    Model model;
    for (;; ++n) {
      const auto put = change_number(n, kStoreBits, 1000).apply_to(**store);
      if (!put && (put.error().code != ErrorCode::kIo || put.error().hint.empty())) return 3;
      if (!put) break;
      change_number(n, kStoreBits, 1000).apply_to(model);
    }
    if (n < 10 || contents_of(*(*store)->snapshot()) != model) return 4;
    if (change_number(n, kStoreBits, 1000).apply_to(**store)) return 5;  // still full
    limit.rlim_cur = all;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 6;
    for (const std::uint64_t end = n + 50; n < end; ++n) {
      if (!change_number(n, kStoreBits, 1000).apply_to(**store)) return 7;
      change_number(n, kStoreBits, 1000).apply_to(model);
    }
    if (contents_of(*(*store)->snapshot()) != model) return 8;
    const auto read = read_store(memory.path(), test_space(kStoreBits));
    return read && *read == model ? 0 : 9;
  });
  EXPECT_EQ(writer.wait(), 0);
}

}  // namespace
}  // namespace warifu
