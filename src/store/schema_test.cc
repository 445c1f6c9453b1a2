#include "store/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "base/fresh_folder_for_test.h"
#include "store/catalog.h"

namespace warifu {
namespace {

using testing::HasSubstr;

std::unique_ptr<Database> open(const std::filesystem::path& path) {
  auto database = Database::open(path, 1000);
  EXPECT_TRUE(database) << database.error().message;
  return *std::move(database);
}

constexpr std::array<const char*, 2> kSteps = {
    "CREATE TABLE words (word TEXT); INSERT INTO words VALUES ('old');",
    "ALTER TABLE words ADD COLUMN length INTEGER; UPDATE words SET length = 3;",
};

TEST(Migrate, BringsAnOlderFileForwardWithWhatItHolds) {
  const auto path = fresh_folder() / "c.db";
  ASSERT_TRUE(migrate(*open(path), std::span(kSteps).first(1)));
  const auto database = open(path);
  ASSERT_EQ(database->number("PRAGMA user_version"), 1);
  ASSERT_TRUE(migrate(*database, kSteps));
  EXPECT_EQ(database->number("PRAGMA user_version"), 2);
  EXPECT_EQ(database->number("SELECT length FROM words WHERE word = 'old'"), 3);
  ASSERT_TRUE(migrate(*database, kSteps)) << "a second time there is nothing to do";
  EXPECT_EQ(database->number("SELECT count(*) FROM words"), 1);
}

TEST(Migrate, DoesAllStepsOrNone) {
  const auto path = fresh_folder() / "c.db";
  constexpr std::array<const char*, 3> kBroken = {kSteps[0], kSteps[1], "CREATE TABLE more (x); DROP TABLE nothing;"};
  ASSERT_TRUE(migrate(*open(path), std::span(kSteps).first(1)));
  const auto database = open(path);
  EXPECT_FALSE(migrate(*database, kBroken));
  EXPECT_FALSE(database->in_transaction());
  EXPECT_EQ(database->number("PRAGMA user_version"), 1);
  EXPECT_EQ(database->number("SELECT count(*) FROM sqlite_schema"), 1);
}

TEST(Migrate, RefusesANewerFileAndSaysWhatToDo) {
  const auto path = fresh_folder() / "c.db";
  ASSERT_TRUE(migrate(*open(path), kSteps));
  const auto refused = migrate(*open(path), std::span(kSteps).first(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIncompatible);
  EXPECT_THAT(refused.error().message, HasSubstr("version 2"));
  EXPECT_THAT(refused.error().hint, HasSubstr("newer warifu"));
}

TEST(Migrate, LeavesAnotherProgramsDatabaseAlone) {
  const auto path = fresh_folder() / "c.db";
  ASSERT_TRUE(open(path)->run_script("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);"));
  const auto refused = open_catalog(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kBadFormat);
  EXPECT_EQ(open(path)->number("SELECT count(*) FROM sqlite_schema"), 1);
}

TEST(OpenCatalog, RefusesACatalogFromTheFuture) {
  const auto path = fresh_folder() / "c.db";
  ASSERT_TRUE(open_catalog(path));
  ASSERT_TRUE(open(path)->run_script("PRAGMA user_version = 1000"));
  EXPECT_EQ(open_catalog(path).error().code, ErrorCode::kIncompatible);
}

TEST(OpenCatalog, MakesOneSchemaWhenManyOpenAtOnce) {
  for (int round = 0; round < 5; ++round) {
    const auto path = fresh_folder() / "c.db";
    std::vector<std::string> errors(8);
    {
      std::vector<std::jthread> threads;
      for (auto& error : errors)
        threads.emplace_back([&] {
          if (const auto catalog = open_catalog(path); !catalog) error = catalog.error().message;
        });
    }
    EXPECT_THAT(errors, testing::Each(testing::IsEmpty()));
  }
}

}  // namespace
}  // namespace warifu
