#include "segments/memory_codes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace warifu {
namespace {

TEST(MemoryCodes, ShowsEachViewWhatWasThereWhenItWasTaken) {
  MemoryCodes memory(64);
  std::vector<MemoryView> views;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const auto row = static_cast<std::int64_t>(i % 100);
    if (const auto position = memory.find(row)) memory.kill(*position);
    memory.append(row, std::vector{i});
    views.push_back(memory.view());
  }
  for (std::uint64_t i = 0; i < views.size(); i += 37) {
    EXPECT_EQ(views[i].live_count(), std::min<std::size_t>(i + 1, 100));
    EXPECT_EQ(views[i].find(static_cast<std::int64_t>(i % 100)), std::vector{i});
    if (i < 100) continue;
    EXPECT_EQ(views[i].find(static_cast<std::int64_t>((i + 1) % 100)), std::vector{i - 99});
  }
  const auto sorted = memory.sorted();
  EXPECT_EQ(sorted.rows.size(), 100U);
  EXPECT_EQ(sorted.rows[42], 42);
  EXPECT_EQ(unblock(sorted.codes.view()).row(42)[0], 2942U);
}

}  // namespace
}  // namespace warifu
