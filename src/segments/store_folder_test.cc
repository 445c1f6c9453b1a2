#include "segments/store_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "segments/code_store_for_test.h"

namespace warifu {
namespace {

using testing::ElementsAre;

TEST(StoreFolder, IsCreatedWithItsParentsEachNameDurably) {
  const FastFolder memory;
  const std::filesystem::path& root = memory.path();
  std::vector<std::string> steps;
  const StoreFolder folder(root / "a" / "b" / "c" / "", [&](StoreStep step, const std::filesystem::path& path) {
    steps.push_back((step == StoreStep::kSyncFolder ? "sync " : "create ") + path.lexically_relative(root).string());
    return 0;
  });
  EXPECT_EQ(folder.path(), root / "a" / "b" / "c");
  ASSERT_TRUE(folder.create());
  EXPECT_THAT(steps, ElementsAre("create a", "sync .", "create a/b", "sync a", "create a/b/c", "sync a/b"));
  EXPECT_TRUE(std::filesystem::is_directory(root / "a" / "b" / "c"));
  steps.clear();
  ASSERT_TRUE(folder.create());
  EXPECT_TRUE(steps.empty());
}

TEST(StoreFolder, IsNotCreatedWhereAFileIsInTheWay) {
  const FastFolder memory;
  std::ofstream(memory.path() / "file") << "mine";
  for (const std::string name : {"file", "file/", "file/sub"}) {
    const auto created = StoreFolder(memory.path() / name).create();
    ASSERT_FALSE(created) << name;
    EXPECT_EQ(created.error().code, ErrorCode::kIo) << name;
  }
}

TEST(StoreFolder, MayBeNamedWithASlashAtItsEnd) {
  const FastFolder memory;
  const auto store = open_store(memory.path() / "new" / "store" / "", quiet_options());
  ASSERT_TRUE(put_one(*store, 1, {1}));
  const auto target = memory.path() / "copies" / "monday" / "";
  const auto copied = store->backup(target);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(read_store(memory.path() / "copies" / "monday", test_space()).value(), (Model{{1, {1}}}));
  EXPECT_EQ(store->backup(target).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(memory.path() / "copies"), {}), 1)
      << "nothing half copied is left";
}

}  // namespace
}  // namespace warifu
