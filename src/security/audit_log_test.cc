#include "security/audit_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "base/child_for_test.h"
#include "base/fresh_folder_for_test.h"
#include "base/rng.h"
#include "security/audit_folder.h"
#include "security/audit_verify.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

AuditEntry entry_about(std::string item) {
  AuditEntry entry;
  entry.who = "ann";
  entry.key = "abcdefgh";
  entry.action = "items.put";
  entry.items = {std::move(item)};
  entry.status = 201;
  entry.request = "r-1";
  return entry;
}

std::unique_ptr<AuditLog> open_log(const std::filesystem::path& folder, const AuditOptions& options = {}) {
  auto log = AuditLog::open(folder, options);
  EXPECT_TRUE(log) << log.error().message;
  return *std::move(log);
}

AuditReport verified(const std::filesystem::path& folder) {
  const auto report = verify_audit_log(folder);
  EXPECT_TRUE(report) << report.error().message;
  for (const AuditProblem& problem : report->problems) ADD_FAILURE() << problem.place << ": " << problem.what;
  return *report;
}

std::vector<nlohmann::json> entries_of(const std::filesystem::path& folder, std::size_t count = 1000000) {
  const auto lines = last_audit_lines(folder, count);
  EXPECT_TRUE(lines) << lines.error().message;
  std::vector<nlohmann::json> entries;
  for (const std::string& line : *lines) entries.push_back(nlohmann::json::parse(line));
  return entries;
}

void append_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
}

TEST(AuditLog, WritesOneJsonObjectALine) {
  const auto folder = fresh_folder() / "audit";
  AuditEntry entry = entry_about("shirt-7");
  entry.items.emplace_back("赤い シャツ");
  entry.outcome = Outcome::kRefused;
  entry.status = 403;
  entry.detail = {{"groups", std::vector<std::string>{"sales"}}, {"bytes", std::int64_t{12}}, {"dry", true}};
  ASSERT_TRUE(open_log(folder)->append(entry));
  const auto lines = last_audit_lines(folder, 5);
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 1U);
  EXPECT_THAT(lines->at(0), testing::StartsWith(R"({"seq":1,"time":"2)"));
  EXPECT_THAT(
      lines->at(0),
      HasSubstr(
          R"(Z","who":"ann","key":"abcdefgh","action":"items.put","items":["shirt-7","赤い シャツ"],)"
          R"("outcome":"refused","status":403,"request":"r-1","detail":{"groups":["sales"],"bytes":12,"dry":true},)"
          R"("prev":"0000000000000000000000000000000000000000000000000000000000000000","hash":")"));
}

TEST(AuditLog, WritesAnyTextOnOneLine) {
  const auto folder = fresh_folder() / "audit";
  AuditEntry entry = entry_about("a\n\"b\"\\\x01\xFF");
  entry.request = R"(","hash":"0000)";
  ASSERT_TRUE(open_log(folder)->append(entry));
  EXPECT_EQ(verified(folder).lines, 1U);
  EXPECT_EQ(entries_of(folder).at(0)["items"][0], "a\n\"b\"\\\x01\xEF\xBF\xBD");
}

TEST(AuditLog, ContinuesItsChainWhenItIsOpenedAgain) {
  const auto folder = fresh_folder() / "audit";
  std::string head;
  for (int i = 0; i < 3; ++i) {
    const auto log = open_log(folder);
    if (i > 0) {
      EXPECT_EQ(log->head(), head);
    }
    ASSERT_TRUE(log->append(entry_about("a")));
    ASSERT_TRUE(log->append(entry_about("b")));
    head = log->head();
  }
  const AuditReport report = verified(folder);
  EXPECT_EQ(report.lines, 6U);
  EXPECT_EQ(report.first_seq, 1U);
  EXPECT_EQ(report.last_seq, 6U);
  EXPECT_EQ(report.head, head);
}

TEST(AuditLog, BeginsANewFileWhereOneIsFull) {
  const auto folder = fresh_folder() / "audit";
  AuditOptions options;
  options.file_bytes = 1000;
  for (int i = 0; i < 4; ++i) {
    const auto log = open_log(folder, options);
    for (int j = 0; j < 5; ++j) ASSERT_TRUE(log->append(entry_about(std::to_string(j))));
  }
  EXPECT_EQ(audit_files(folder)->size(), 5U);
  EXPECT_EQ(verified(folder).lines, 20U);
  EXPECT_EQ(last_audit_lines(folder, 13)->size(), 13U);
  EXPECT_EQ(entries_of(folder, 4).at(0)["seq"], 17);
}

TEST(AuditLog, IsForItsOwnerOnly) {
  const auto folder = fresh_folder() / "audit";
  ASSERT_TRUE(open_log(folder)->append(entry_about("a")));
  struct stat status {};
  ASSERT_EQ(::stat(folder.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  ASSERT_EQ(::stat((folder / "000001.jsonl").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(AuditLog, SetsAnIncompleteLastLineAsideAndSaysSo) {
  const auto folder = fresh_folder() / "audit";
  ASSERT_TRUE(open_log(folder)->append(entry_about("a")));
  append_bytes(folder / "000001.jsonl", R"({"seq":2,"time":"20)");
  ASSERT_TRUE(open_log(folder)->append(entry_about("b")));
  EXPECT_EQ(verified(folder).lines, 3U);
  const auto entries = entries_of(folder);
  EXPECT_EQ(entries.at(1)["action"], "audit.torn");
  EXPECT_EQ(entries.at(1)["detail"]["file"], "000001.jsonl");
  EXPECT_EQ(entries.at(1)["detail"]["bytes"], 19);
  std::stringstream torn;
  torn << std::ifstream(folder / "audit.torn").rdbuf();
  EXPECT_EQ(torn.str(), "{\"seq\":2,\"time\":\"20\n");
}

TEST(AuditLog, SetsAsideWhatIsIncompleteWhileItIsOpen) {
  const auto folder = fresh_folder() / "audit";
  const auto log = open_log(folder);
  ASSERT_TRUE(log->append(entry_about("a")));
  append_bytes(folder / "000001.jsonl", "half of what another process wrote before it died");
  ASSERT_TRUE(log->append(entry_about("b")));
  EXPECT_EQ(verified(folder).lines, 3U);
}

TEST(AuditLog, BeginsAgainWhereTheFirstLineIsIncomplete) {
  const auto folder = fresh_folder() / "audit";
  static_cast<void>(open_log(folder));
  append_bytes(folder / "000001.jsonl", std::string(100000, '\0'));
  ASSERT_TRUE(open_log(folder)->append(entry_about("a")));
  EXPECT_EQ(verified(folder).lines, 2U);
}

TEST(AuditLog, ContinuesInAFileThatWasJustBegun) {
  const auto folder = fresh_folder() / "audit";
  ASSERT_TRUE(open_log(folder)->append(entry_about("a")));
  append_bytes(folder / "000002.jsonl", "");
  ASSERT_TRUE(open_log(folder)->append(entry_about("b")));
  EXPECT_EQ(verified(folder).lines, 2U);
  EXPECT_GT(std::filesystem::file_size(folder / "000002.jsonl"), 0U);
}

TEST(AuditLog, IsNotContinuedBehindATamperedLine) {
  const auto folder = fresh_folder() / "audit";
  ASSERT_TRUE(open_log(folder)->append(entry_about("a")));
  append_bytes(folder / "000001.jsonl", "{}\n");
  const auto refused = AuditLog::open(folder);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(refused.error().hint, HasSubstr("audit verify"));
}

TEST(AuditLog, NoticesThatItIsCutOrRemovedWhileItIsOpen) {
  for (const bool remove : {false, true}) {
    const auto folder = fresh_folder() / "audit";
    const auto log = open_log(folder);
    ASSERT_TRUE(log->append(entry_about("a")));
    if (remove) {
      std::filesystem::remove_all(folder);
    } else {
      std::filesystem::resize_file(folder / "000001.jsonl", 0);
    }
    EXPECT_EQ(log->append(entry_about("b")).error().code, ErrorCode::kBadFormat);
    EXPECT_FALSE(log->append(entry_about("c"))) << "and does not forget it";
  }
}

TEST(AuditLog, RefusesAnEntryThatIsTooLongAndGoesOn) {
  const auto folder = fresh_folder() / "audit";
  const auto log = open_log(folder);
  EXPECT_EQ(log->append(entry_about(std::string(5 << 20, 'x'))).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(log->append(entry_about(std::string(3 << 20, 'x'))));
  ASSERT_TRUE(open_log(folder)->append(entry_about("b"))) << "reads back over the long line";
  EXPECT_EQ(verified(folder).lines, 2U);
}

TEST(AuditLog, AcceptsNothingByHalfWhereTheDiskIsFull) {
  const auto folder = fresh_folder() / "audit";
  Child<int> writer([&](const auto& tell) {
    // The longest file this process may write: as a full disk, a part of a line still fits.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto log = AuditLog::open(folder);
    if (!log) return 1;
    for (int i = 0; i < 10; ++i) tell((*log)->append(entry_about("a")) ? 1 : 0);
    return 0;
  });
  int accepted = 0;
  while (const auto one = writer.hear()) accepted += *one;
  EXPECT_EQ(writer.wait(), 0);
  EXPECT_EQ(accepted, 3);
  EXPECT_EQ(verified(folder).lines, 3U);
  ASSERT_TRUE(open_log(folder)->append(entry_about("b")));
  EXPECT_EQ(verified(folder).lines, 4U);
}

TEST(AuditLog, WaitsForAnotherProcessThatAppends) {
  const auto folder = fresh_folder() / "audit";
  const auto log = open_log(folder);
  const FileDescriptor file(::open((folder / "lock").c_str(), O_RDWR | O_CLOEXEC));
  auto lock = AuditLock::take(file.get(), folder);
  ASSERT_TRUE(lock);
  std::jthread soon([held = *std::move(lock)]() mutable {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const AuditLock gone = std::move(held);
  });
  EXPECT_TRUE(log->append(entry_about("a")));
}

TEST(AuditLog, KeepsOneChainOfWhatSeveralThreadsAndProcessesAppend) {
  const auto folder = fresh_folder() / "audit";
  AuditOptions options;
  options.file_bytes = 20000;
  constexpr int kEach = 200;
  const auto work = [&](const std::string& who) {
    const auto log = AuditLog::open(folder, options);
    if (!log) return 1;
    for (int i = 0; i < kEach; ++i)
      if (!(*log)->append(entry_about(who + std::to_string(i)))) return 2;
    return 0;
  };
  Child<int> first([&](const auto&) { return work("first"); });
  Child<int> second([&](const auto&) { return work("second"); });
  const auto shared = open_log(folder, options);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i)
          EXPECT_TRUE(shared->append(entry_about("thread" + std::to_string(t) + "-" + std::to_string(i))));
      });
  }
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  EXPECT_EQ(verified(folder).lines, 5U * kEach);
  std::set<std::string> items;
  for (const auto& entry : entries_of(folder)) items.insert(entry["items"][0].get<std::string>());
  EXPECT_EQ(items.size(), 5U * kEach);
}

TEST(AuditLog, HoldsEveryAcknowledgedEntryWhenItsWriterIsKilled) {
  const auto folder = fresh_folder() / "audit";
  AuditOptions options;
  options.file_bytes = 5000;
  Rng rng(3);
  std::uint64_t told = 0;
  std::uint64_t next = 0;
  for (int round = 0; round < 25; ++round) {
    Child<std::uint64_t> writer([&](const auto& tell) {
      const auto log = AuditLog::open(folder, options);
      if (!log) return 1;
      for (std::uint64_t n = next;; ++n) {
        if (!(*log)->append(entry_about(std::to_string(n)))) return 2;
        tell(n);
      }
    });
    for (std::uint64_t heard = 1 + rng.below(10); heard > 0; --heard) {
      const auto one = writer.hear();
      ASSERT_TRUE(one) << "round " << round;
      told = *one;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(rng.below(500)));
    writer.kill();
    while (const auto one = writer.hear()) told = *one;
    next = told + 1;
  }
  static_cast<void>(open_log(folder));
  verified(folder);
  std::set<std::string> items;
  for (const auto& entry : entries_of(folder))
    if (!entry["items"].empty()) items.insert(entry["items"][0].get<std::string>());
  for (std::uint64_t n = 0; n <= told; ++n) EXPECT_TRUE(items.contains(std::to_string(n))) << n;
}

TEST(AuditLog, SyncsByItself) {
  const auto folder = fresh_folder() / "audit";
  AuditOptions options;
  options.sync_every = std::chrono::milliseconds(1);
  const auto log = open_log(folder, options);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(log->append(entry_about("a")));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(log->sync());
}

TEST(LastAuditLines, AreNoneOfALogThatIsNotThere) {
  EXPECT_EQ(last_audit_lines(fresh_folder() / "audit", 3).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace warifu
