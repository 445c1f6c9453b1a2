#include "security/audit_verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/fresh_folder_for_test.h"
#include "security/audit_line.h"
#include "security/audit_log.h"

namespace warifu {
namespace {

using testing::Each;
using testing::HasSubstr;

// A small log as lines, to be spoilt and written again.
class AuditVerifyTest : public testing::Test {
 protected:
  AuditVerifyTest() {
    const auto log = *AuditLog::open(folder, {});
    for (int i = 0; i < 6; ++i) {
      AuditEntry entry;
      entry.who = "ann";
      entry.action = "items.delete";
      entry.items = {"item-" + std::to_string(i)};
      EXPECT_TRUE(log->append(entry));
    }
    lines = *last_audit_lines(folder, 100);
  }
  AuditReport verify_bytes(std::string_view bytes, const std::optional<std::string>& head = {}) {
    std::filesystem::remove(file);  // some file systems write through what is written over
    std::ofstream(file, std::ios::binary) << bytes;
    const auto report = verify_audit_log(folder, head);
    EXPECT_TRUE(report) << report.error().message;
    return *report;
  }
  AuditReport verify_lines(const std::vector<std::string>& some, const std::optional<std::string>& head = {}) {
    std::string bytes;
    for (const std::string& line : some) bytes += line + "\n";
    return verify_bytes(bytes, head);
  }
  static std::string hash_in(const std::string& line) { return line.substr(line.size() - 66, 64); }

  std::filesystem::path folder = fresh_folder() / "audit";
  std::filesystem::path file = folder / "000001.jsonl";
  std::vector<std::string> lines;
};

TEST_F(AuditVerifyTest, FindsNothingInALogThatNobodyTouched) {
  const AuditReport report = verify_lines(lines);
  EXPECT_TRUE(report.intact());
  EXPECT_EQ(report.lines, 6U);
  EXPECT_EQ(report.head, hash_in(lines[5]));
}

TEST_F(AuditVerifyTest, NoticesEveryFlippedBit) {
  std::string bytes;
  for (const std::string& line : lines) bytes += line + "\n";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string other = bytes;
    other[i] = static_cast<char>(other[i] ^ (1 << (i % 8)));
    ASSERT_FALSE(verify_bytes(other).intact()) << "byte " << i;
  }
}

TEST_F(AuditVerifyTest, SaysWhichLineWasChanged) {
  lines[2].replace(lines[2].find("item-2"), 6, "item-9");
  const AuditReport report = verify_lines(lines);
  ASSERT_EQ(report.problem_count, 1U);
  EXPECT_EQ(report.problems[0].place, "000001.jsonl:3");
  EXPECT_THAT(report.problems[0].what, HasSubstr("changed"));
}

TEST_F(AuditVerifyTest, NoticesALineThatWasChangedAndHashedAgain) {
  AuditEntry entry;
  entry.who = "nobody";
  lines[2] = make_audit_line(entry, 3, std::chrono::system_clock::now(), hash_in(lines[1])).text;
  const AuditReport report = verify_lines(lines);
  ASSERT_EQ(report.problem_count, 1U);
  EXPECT_EQ(report.problems[0].place, "000001.jsonl:4");
  EXPECT_THAT(report.problems[0].what, HasSubstr("chained"));
}

TEST_F(AuditVerifyTest, NoticesARemovedLine) {
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    auto some = lines;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(i));
    const AuditReport report = verify_lines(some);
    ASSERT_EQ(report.problem_count, 1U) << i;
    EXPECT_EQ(report.problems[0].place, "000001.jsonl:" + std::to_string(i + 1));
  }
}

TEST_F(AuditVerifyTest, NoticesLinesThatWereMovedOrDoubled) {
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    auto some = lines;
    std::swap(some[i], some[i + 1]);
    EXPECT_FALSE(verify_lines(some).intact()) << i;
  }
  auto some = lines;
  some.insert(some.begin() + 2, lines[1]);
  EXPECT_FALSE(verify_lines(some).intact());
  some = lines;
  some.insert(some.begin() + 2, "");
  EXPECT_FALSE(verify_lines(some).intact());
}

TEST_F(AuditVerifyTest, NoticesThatTheEndIsGoneByAHeadThatWasNoted) {
  const std::string head = hash_in(lines[4]);
  const AuditReport whole = verify_lines(lines, head);
  EXPECT_TRUE(whole.intact()) << "a head stays good when the log grows";
  EXPECT_EQ(whole.expected_seq, 5U);
  EXPECT_TRUE(verify_lines({lines.begin(), lines.begin() + 5}, head).intact());
  const std::vector<std::string> shorter(lines.begin(), lines.begin() + 4);
  EXPECT_TRUE(verify_lines(shorter).intact()) << "from the log alone nobody can tell";
  const AuditReport report = verify_lines(shorter, head);
  ASSERT_EQ(report.problem_count, 1U);
  EXPECT_THAT(report.problems[0].what, HasSubstr("cut off"));
  EXPECT_FALSE(verify_lines({}, head).intact());
  EXPECT_TRUE(verify_lines(lines, std::string(kNoAuditHead)).intact()) << "of the log before its first line";
}

TEST_F(AuditVerifyTest, NoticesATornEnd) {
  const AuditReport report = verify_bytes(lines[0] + "\n" + lines[1].substr(0, 40));
  ASSERT_EQ(report.problem_count, 1U);
  EXPECT_EQ(report.problems[0].place, "000001.jsonl:2");
  EXPECT_THAT(report.problems[0].what, HasSubstr("incomplete"));
}

TEST_F(AuditVerifyTest, NoticesAMissingFile) {
  AuditOptions options;
  options.file_bytes = 500;
  {
    const auto log = *AuditLog::open(folder, options);
    for (int i = 0; i < 6; ++i) EXPECT_TRUE(log->append({}));
  }
  ASSERT_TRUE(verify_audit_log(folder)->intact());
  std::filesystem::rename(folder / "000002.jsonl", folder / "aside");
  EXPECT_FALSE(verify_audit_log(folder)->intact());
  std::filesystem::rename(folder / "000003.jsonl", folder / "000002.jsonl");
  EXPECT_FALSE(verify_audit_log(folder)->intact());
  std::filesystem::rename(folder / "aside", folder / "000003.jsonl");
  EXPECT_FALSE(verify_audit_log(folder)->intact());
  std::filesystem::remove(file);
  const AuditReport report = *verify_audit_log(folder);
  EXPECT_THAT(report.problems[0].place, "000001.jsonl");
}

TEST_F(AuditVerifyTest, LimitsWhatItListsAndReads) {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += "{}\n";
  const AuditReport many = verify_bytes(bytes);
  EXPECT_EQ(many.problem_count, 5000U);
  EXPECT_EQ(many.problems.size(), 100U);
  EXPECT_EQ(verify_bytes(std::string(10 << 20, 'x') + "\n").problem_count, 1U);
  std::ofstream(folder / "18446744073709551615.jsonl") << "";
  EXPECT_FALSE(verify_lines(lines).intact());
}

TEST_F(AuditVerifyTest, RefusesAHeadThatIsNone) {
  EXPECT_EQ(verify_audit_log(folder, "abc").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(verify_audit_log(folder, std::string(64, 'A')).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(verify_audit_log(folder / "none").error().code, ErrorCode::kNotFound);
}

TEST(AuditLine, IsReadOnlyInItsOneForm) {
  const std::string line = make_audit_line({}, 12, std::chrono::system_clock::now(), kNoAuditHead).text;
  ASSERT_TRUE(read_audit_link(line));
  EXPECT_EQ(read_audit_link(line)->seq, 12U);
  for (std::size_t cut = 0; cut < line.size(); ++cut)
    EXPECT_FALSE(read_audit_link(std::string_view(line).substr(0, cut))) << cut;
  EXPECT_FALSE(read_audit_link(R"({"seq":)" + std::string(500, '1')));
  EXPECT_FALSE(read_audit_link(R"({"seq":0)" + line.substr(7)));
}

}  // namespace
}  // namespace warifu
