// What other processes see: killed writers, a second writer, a full disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

#include "base/child_for_test.h"
#include "base/fresh_folder_for_test.h"
#include "base/rng.h"
#include "store/catalog.h"

namespace warifu {
namespace {

Item numbered(std::int64_t i) {
  Item item;
  item.id = "item " + std::to_string(i);
  item.text = "text of " + item.id;
  item.labels = {{"number", std::to_string(i)}, {"parity", i % 2 == 0 ? "even" : "odd"}};
  return item;
}

bool write_item(Catalog& catalog, std::int64_t i) { return catalog.put(numbered(i)) && catalog.commit(); }

std::string integrity_of(const std::filesystem::path& path) {
  sqlite3* db = nullptr;
  std::string answer = "cannot open";
  if (sqlite3_open(path.c_str(), &db) == SQLITE_OK)
    sqlite3_exec(
        db, "PRAGMA integrity_check",
        [](void* out, int, char** values, char**) {
          *static_cast<std::string*>(out) = values[0];
          return 0;
        },
        &answer, nullptr);
  sqlite3_close(db);
  return answer;
}

TEST(CatalogCrash, KeepsEveryCommittedItemWhenItsWriterIsKilled) {
  const auto path = fresh_folder() / "catalog.db";
  ASSERT_TRUE(open_catalog(path));
  Rng rng(17);
  std::int64_t committed = -1;
  for (int round = 0; round < 20; ++round) {
    Child<std::int64_t> writer([&](const auto& tell) {
      auto catalog = open_catalog(path);
      if (!catalog || !(*catalog)->begin_writing()) return 1;
      for (std::int64_t i = committed + 1;; ++i) {
        if (!write_item(**catalog, i)) return 2;
        tell(i);
      }
    });
    const auto first = writer.hear();  // the child is under way
    ASSERT_TRUE(first) << "round " << round;
    std::this_thread::sleep_for(std::chrono::microseconds(rng.below(20000)));
    writer.kill();
    committed = *first;
    while (const auto next = writer.hear()) committed = *next;

    ASSERT_EQ(integrity_of(path), "ok") << "round " << round;
    const auto catalog = open_catalog(path);
    ASSERT_TRUE(catalog) << catalog.error().message;
    const auto items = (*catalog)->all_items();
    ASSERT_TRUE(items);
    // The item being committed at the kill may be there too: then whole, like the others.
    ASSERT_GE(items->size(), static_cast<std::size_t>(committed + 1));
    ASSERT_LE(items->size(), static_cast<std::size_t>(committed + 2));
    for (std::size_t i = 0; i < items->size(); ++i) {
      const Item expected = numbered(static_cast<std::int64_t>(i));
      ASSERT_EQ((*items)[i].id, expected.id);
      ASSERT_EQ((*items)[i].text, expected.text);
      ASSERT_EQ((*items)[i].labels, expected.labels);
    }
    committed = static_cast<std::int64_t>(items->size()) - 1;
  }
}

TEST(CatalogCrash, NamesTheWritingProcessToAnotherAndLetsItRead) {
  const auto path = fresh_folder() / "catalog.db";
  Child<std::int64_t> writer([&](const auto& tell) {
    auto catalog = open_catalog(path);
    if (!catalog || !(*catalog)->begin_writing()) return 1;
    if (!write_item(**catalog, 0) || !(*catalog)->put(numbered(1))) return 2;  // the second is not committed
    tell(0);
    ::pause();
    return 0;
  });
  ASSERT_TRUE(writer.hear());
  const auto catalog = open_catalog(path);
  ASSERT_TRUE(catalog) << catalog.error().message;
  EXPECT_EQ((*catalog)->all_items()->size(), 1U);
  const auto refused = (*catalog)->begin_writing();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("process " + std::to_string(writer.pid())));
  writer.kill();
  EXPECT_TRUE((*catalog)->begin_writing()) << "a dead writer holds nothing";
  EXPECT_EQ((*catalog)->all_items()->size(), 1U);
}

TEST(CatalogCrash, ReportsAFullDiskAndKeepsWhatWasCommitted) {
  const auto path = fresh_folder() / "catalog.db";
  Child<std::int64_t> writer([&](const auto& tell) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{256 << 10, 256 << 10};  // no file grows past this: what a full disk looks like
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    auto catalog = open_catalog(path);
    if (!catalog || !(*catalog)->begin_writing()) return 2;
    for (std::int64_t i = 0; i < 100000; ++i) {
      if (const auto put = (*catalog)->put(numbered(i)); !put) return put.error().code == ErrorCode::kIo ? 0 : 3;
      if (i % 10 != 9) continue;
      if (const auto done = (*catalog)->commit(); !done) return done.error().code == ErrorCode::kIo ? 0 : 4;
      tell(i);
    }
    return 5;
  });
  std::int64_t committed = -1;
  while (const auto next = writer.hear()) committed = *next;
  EXPECT_EQ(writer.wait(), 0);
  EXPECT_EQ(integrity_of(path), "ok");
  const auto catalog = open_catalog(path);
  ASSERT_TRUE(catalog);
  EXPECT_GT(committed, 0);
  EXPECT_GE((*catalog)->all_items()->size(), static_cast<std::size_t>(committed + 1));
}

}  // namespace
}  // namespace warifu
