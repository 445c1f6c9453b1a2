// A code store whose segments are merged: what happens to it meanwhile, and what its options say of it.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "segments/code_store_for_test.h"

namespace warifu {
namespace {

// `segments` of `rows` rows each, one after the other.
void fill_segments(CodeStore& store, int segments, std::int64_t rows, Model& model) {
  for (int i = 0; i < segments; ++i) {
    std::vector<std::int64_t> added;
    std::vector<Code> codes;
    for (std::int64_t j = 0; j < rows; ++j) {
      added.push_back(i * rows + j);
      codes.push_back(model[added.back()] = code_of(added.back(), 1));
    }
    ASSERT_TRUE(store.put(added, matrix_of(codes)));
    ASSERT_TRUE(store.flush());
  }
}

TEST(CodeStoreCompaction, LeavesOutWhatDiedMeanwhile) {
  const FastFolder memory;
  CodeStore* compacted = nullptr;
  Model model;
  const auto lose = [&](std::vector<std::int64_t> rows) {
    for (const std::int64_t row : rows) model.erase(row);
    ASSERT_TRUE(compacted->remove(rows));
  };
  CodeStoreOptions options = quiet_options();
  bool merging = false;
  options.step_hook = [&](StoreStep step, const std::filesystem::path&) {
    if (merging && step == StoreStep::kWriteSegment) {
      merging = false;  // flushes write segments too
      lose({0, 62, 63, 64, 127, 299});
      EXPECT_TRUE(compacted->flush());
      lose({65, 150, 200});
    }
    return 0;
  };
  const auto store = open_store(memory.path(), options);
  compacted = store.get();
  fill_segments(*store, 2, 150, model);
  lose({1, 66, 298});
  ASSERT_TRUE(store->flush());
  merging = true;
  ASSERT_TRUE(store->compact());
  EXPECT_FALSE(merging);
  EXPECT_EQ(contents_of(*store->snapshot()), model);
  EXPECT_EQ(read_store(memory.path(), test_space()).value(), model);
}

TEST(CodeStoreCompaction, WritesNoSegmentLargerThanItsOptionsSay) {
  const FastFolder memory;
  Model model;
  fill_segments(*open_store(memory.path(), quiet_options()), 1, 300, model);
  CodeStoreOptions options = quiet_options();
  options.max_compacted_bytes = 16 * 100;  // 100 codes of 64 bits with their rows
  const auto store = open_store(memory.path(), options);
  std::vector<std::int64_t> dead;
  for (std::int64_t row = 0; row < 150; ++row) dead.push_back(row);
  ASSERT_TRUE(store->remove(dead));
  ASSERT_TRUE(store->compact());
  EXPECT_EQ(store->stats().compactions, 0U) << "150 codes are left";
  dead.clear();
  for (std::int64_t row = 150; row < 220; ++row) dead.push_back(row);
  ASSERT_TRUE(store->remove(dead));
  ASSERT_TRUE(store->compact());
  EXPECT_EQ(store->stats().compactions, 1U);
  EXPECT_EQ(store->stats().dead, 0U);
}

TEST(CodeStoreCompaction, ForgetsWhyItFailedWhenItSucceeds) {
  const FastFolder memory;
  const auto caller = std::this_thread::get_id();
  std::atomic<bool> failing = true;
  CodeStoreOptions options = quiet_options();
  options.background_compaction = true;
  options.step_hook = [&](StoreStep step, const std::filesystem::path&) {
    return failing && step == StoreStep::kWriteSegment && std::this_thread::get_id() != caller ? ENOSPC : 0;
  };
  const auto store = open_store(memory.path(), options);
  Model model;
  fill_segments(*store, 4, 10, model);
  for (int i = 0; i < 1000 && !store->stats().background_error; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(store->stats().background_error);
  failing = false;
  ASSERT_TRUE(store->compact());
  EXPECT_EQ(store->stats().background_error, std::nullopt);
}

}  // namespace
}  // namespace warifu
