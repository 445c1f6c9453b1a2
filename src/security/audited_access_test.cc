#include "security/audited_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "base/child_for_test.h"
#include "base/fresh_folder_for_test.h"
#include "security/audit_verify.h"

namespace warifu {
namespace {

using testing::HasSubstr;
using testing::Not;

class AuditedAccessTest : public testing::Test {
 protected:
  std::filesystem::path folder = fresh_folder();
  std::unique_ptr<AccessStore> store = *AccessStore::open(folder / "access.db");
  std::unique_ptr<AuditLog> log = *AuditLog::open(folder / "audit");
  AuditedAccess access{*store, *log};
};

TEST_F(AuditedAccessTest, WritesALineForEveryChange) {
  const Actor admin = Actor::of({.name = "root", .key_id = "rootrkey", .scopes = {}, .groups = {}}, "r-9", 201);
  ASSERT_TRUE(access.create_user({}, "ann", std::vector<std::string>{"sales"}));
  ASSERT_TRUE(access.set_groups(admin, "ann", {}));
  ASSERT_TRUE(access.set_disabled(admin, "ann", true));
  ASSERT_TRUE(access.set_disabled(admin, "ann", false));
  const auto key = access.create_key(admin, "ann", {Scope::kRead}, std::chrono::hours(1), "camera");
  ASSERT_TRUE(key);
  ASSERT_TRUE(access.revoke_key(admin, key->key.id));
  ASSERT_TRUE(access.remove_user(admin, "ann"));
  const auto lines = last_audit_lines(folder / "audit", 100);
  ASSERT_TRUE(lines);
  std::vector<std::string> actions;
  for (const std::string& line : *lines) {
    actions.push_back(nlohmann::json::parse(line)["action"]);
    EXPECT_THAT(line, Not(HasSubstr(key->token.substr(13)))) << "no secret";
  }
  EXPECT_THAT(actions, testing::ElementsAre("users.create", "users.groups", "users.disable", "users.enable",
                                            "keys.create", "keys.revoke", "users.remove"));
  const auto created = nlohmann::json::parse(lines->at(4));
  EXPECT_EQ(created["who"], "root");
  EXPECT_EQ(created["key"], "rootrkey");
  EXPECT_EQ(created["request"], "r-9");
  EXPECT_EQ(created["items"][0], key->key.id);
  EXPECT_EQ(created["detail"]["user"], "ann");
  EXPECT_EQ(created["detail"]["lifetime_seconds"], 3600);
  EXPECT_EQ(nlohmann::json::parse(lines->at(0))["who"], "local");
  EXPECT_TRUE(verify_audit_log(folder / "audit")->intact());
}

TEST_F(AuditedAccessTest, ChangesNothingWhereTheLogCannotBeWritten) {
  ASSERT_TRUE(access.create_user({}, "ann", {}));
  const auto key = access.create_key({}, "ann", {Scope::kRead}, {}, "");
  ASSERT_TRUE(key);
  std::filesystem::remove_all(folder / "audit");
  EXPECT_FALSE(access.remove_user({}, "ann"));
  EXPECT_FALSE(access.revoke_key({}, key->key.id));
  EXPECT_FALSE(access.create_user({}, "bob", {}));
  EXPECT_TRUE(*store->authenticate(key->token));
  EXPECT_EQ(store->list_users()->size(), 1U);
}

TEST(AuditedAccess, SaysThatAChangeFailedAfterItWasLogged) {
  const auto folder = fresh_folder();
  Child<int> changer([&](const auto& tell) {
    const auto store = AccessStore::open(folder / "access.db");
    const auto log = AuditLog::open(folder / "audit");
    if (!store || !log) return 1;
    AuditedAccess access(**store, **log);
    if (!access.create_user({}, "ann", {})) return 2;
    // As a full disk: the database cannot grow, the much shorter log can.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlim_t most = std::filesystem::file_size(folder / "access.db-wal");
    const rlimit limit{most, most};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto refused = access.create_user({}, "bob", {});
    if (refused) return 3;
    tell((*store)->list_users()->size() == 1 ? 1 : 0);
    return 0;
  });
  EXPECT_EQ(changer.hear(), 1) << "and it did not happen";
  EXPECT_EQ(changer.wait(), 0);
  const auto lines = last_audit_lines(folder / "audit", 100);
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 3U);
  const auto failed = nlohmann::json::parse(lines->at(2));
  EXPECT_EQ(failed["items"][0], "bob");
  EXPECT_EQ(failed["outcome"], "failed");
  EXPECT_EQ(failed["status"], exit_status(ErrorCode::kIo));
}

TEST_F(AuditedAccessTest, LogsNothingThatWasNotPossible) {
  EXPECT_FALSE(access.remove_user({}, "nobody"));
  EXPECT_FALSE(access.create_key({}, "nobody", {Scope::kRead}, {}, ""));
  EXPECT_EQ(verify_audit_log(folder / "audit")->lines, 0U);
}

}  // namespace
}  // namespace warifu
