#include "security/access_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/fresh_folder_for_test.h"
#include "base/join.h"
#include "store/sqlite.h"

namespace warifu {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

using Names = std::vector<std::string>;

const std::chrono::sys_seconds kNewYear = std::chrono::sys_days(std::chrono::year(2027) / 1 / 1);

// A store, and a clock to turn.
class AccessStoreTest : public testing::Test {
 protected:
  AccessStoreTest() : store(open()) {}
  std::unique_ptr<AccessStore> open() {
    auto opened = AccessStore::open(path, [this] { return now; });
    EXPECT_TRUE(opened) << opened.error().message;
    return *std::move(opened);
  }
  NewKey key_of(std::string_view user, Scopes scopes = {Scope::kSearch}, std::optional<seconds> lifetime = {}) {
    const auto made = store->create_key(user, scopes, lifetime, "");
    EXPECT_TRUE(made) << made.error().message;
    return *made;
  }
  // The name behind a key; "" where it opens nothing.
  static std::string name_of(AccessStore& access, std::string_view token) {
    const auto principal = access.authenticate(token);
    EXPECT_TRUE(principal) << principal.error().message;
    return *principal ? (*principal)->name : "";
  }

  std::chrono::sys_seconds now = kNewYear;
  std::filesystem::path path = fresh_folder() / "access.db";
  std::unique_ptr<AccessStore> store;
};

TEST_F(AccessStoreTest, KnowsItsUsersAndTheirGroups) {
  EXPECT_EQ(store->any_users(), false);
  ASSERT_TRUE(store->create_user("bob", Names{}));
  ASSERT_TRUE(store->create_user("ann", Names{"sales", "design", "sales"}));
  EXPECT_EQ(store->any_users(), true);
  auto users = store->list_users();
  ASSERT_TRUE(users);
  ASSERT_EQ(users->size(), 2U);
  EXPECT_EQ(users->at(0).name, "ann");
  EXPECT_THAT(users->at(0).groups, ElementsAre("design", "sales"));
  EXPECT_EQ(users->at(0).created, kNewYear);
  EXPECT_THAT(users->at(1).groups, IsEmpty());
  ASSERT_TRUE(store->set_groups("ann", Names{"legal"}));
  ASSERT_TRUE(store->remove_user("bob"));
  users = open()->list_users();
  ASSERT_TRUE(users);
  ASSERT_EQ(users->size(), 1U);
  EXPECT_THAT(users->at(0).groups, ElementsAre("legal"));
}

TEST_F(AccessStoreTest, RefusesWhatCannotBe) {
  ASSERT_TRUE(store->create_user("ann", Names{}));
  EXPECT_EQ(store->create_user("ann", Names{}).error().code, ErrorCode::kInvalidArgument) << "twice";
  EXPECT_EQ(store->create_user("a b", Names{}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->create_user("bob", Names{"x/y"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->set_groups("bob", Names{}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store->set_disabled("bob", true).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store->remove_user("bob").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store->create_key("bob", {Scope::kRead}, {}, "").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store->create_key("ann", {}, {}, "").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->create_key("ann", {Scope::kRead}, seconds(0), "").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->create_key("ann", {Scope::kRead}, {}, "two\nlines").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->create_key("ann", {Scope::kRead}, {}, "\xFF").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->create_key("ann", {Scope::kRead}, {}, std::string(201, 'x')).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->revoke_key("abcdefgh").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(store->list_keys().value(), IsEmpty());
}

TEST_F(AccessStoreTest, OpensToAKeyAndSaysWhoseItIs) {
  ASSERT_TRUE(store->create_user("ann", Names{"sales", "design"}));
  const auto made = store->create_key("ann", {Scope::kSearch, Scope::kRead}, days(90), "camera 割符");
  ASSERT_TRUE(made);
  EXPECT_THAT(made->token, MatchesRegex("wrf_[a-z2-9]{8}_[-_A-Za-z0-9]{43}"));
  EXPECT_EQ(made->key.expires, kNewYear + days(90));
  const auto principal = store->authenticate(made->token);
  ASSERT_TRUE(principal);
  ASSERT_TRUE(*principal);
  EXPECT_EQ(**principal, (Principal{.name = "ann",
                                    .key_id = made->key.id,
                                    .scopes = {Scope::kSearch, Scope::kRead},
                                    .groups = {"design", "sales"},
                                    .sees_everything = false}));
}

TEST_F(AccessStoreTest, ShowsEverythingToAnAdministratorsKey) {
  ASSERT_TRUE(store->create_user("root", Names{}));
  EXPECT_TRUE((*store->authenticate(key_of("root", {Scope::kAdmin}).token))->sees_everything);
  EXPECT_FALSE((*store->authenticate(key_of("root", {Scope::kWrite}).token))->sees_everything);
}

TEST_F(AccessStoreTest, OpensToNothingElse) {
  ASSERT_TRUE(store->create_user("ann", Names{}));
  const std::string token = key_of("ann").token;
  ASSERT_EQ(name_of(*store, token), "ann");
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (const int flip : {0x01, 0x20, 0x80}) {
      std::string other = token;
      other[i] = static_cast<char>(other[i] ^ flip);
      EXPECT_EQ(name_of(*store, other), "") << i;
    }
    EXPECT_EQ(name_of(*store, token.substr(0, i)), "") << i;
    EXPECT_EQ(name_of(*store, token.substr(i + 1)), "") << i;
  }
  EXPECT_EQ(name_of(*store, token + "A"), "");
  EXPECT_EQ(name_of(*store, token + std::string(1, '\0')), "");
  EXPECT_EQ(name_of(*store, std::string(1 << 20, 'w')), "");
  // The id of one key with the secret of another.
  const std::string second = key_of("ann").token;
  EXPECT_EQ(name_of(*store, second.substr(0, 12) + token.substr(12)), "");
}

TEST_F(AccessStoreTest, ClosesToAKeyThatExpiredWasRevokedOrWhoseUserIsDisabledOrGone) {
  ASSERT_TRUE(store->create_user("ann", Names{}));
  const NewKey hour = key_of("ann", {Scope::kSearch}, hours(1));
  const NewKey revoked = key_of("ann");
  const NewKey other = key_of("ann");
  EXPECT_EQ(store->list_users()->at(0).keys, 3U);
  now += hours(1) - seconds(1);
  EXPECT_EQ(name_of(*store, hour.token), "ann");
  now += seconds(1);
  EXPECT_EQ(name_of(*store, hour.token), "");
  ASSERT_TRUE(store->revoke_key(revoked.key.id));
  EXPECT_TRUE(store->revoke_key(revoked.key.id)) << "a second time changes nothing";
  EXPECT_EQ(name_of(*store, revoked.token), "");
  EXPECT_EQ(name_of(*store, other.token), "ann");
  EXPECT_EQ(store->list_users()->at(0).keys, 1U);
  ASSERT_TRUE(store->set_disabled("ann", true));
  EXPECT_EQ(name_of(*store, other.token), "");
  ASSERT_TRUE(store->set_disabled("ann", false));
  EXPECT_EQ(name_of(*store, other.token), "ann");
  ASSERT_TRUE(store->remove_user("ann"));
  ASSERT_TRUE(store->create_user("ann", Names{}));
  EXPECT_EQ(name_of(*store, other.token), "") << "keys die with their user, whoever gets the name then";
  EXPECT_THAT(store->list_keys().value(), IsEmpty());
}

TEST_F(AccessStoreTest, SeesAtOnceWhatAnotherProcessChanges) {
  const auto other = open();
  EXPECT_EQ(store->any_users(), false);
  ASSERT_TRUE(other->create_user("ann", Names{"sales"}));
  EXPECT_EQ(store->any_users(), true);
  const auto made = other->create_key("ann", {Scope::kSearch}, {}, "");
  ASSERT_TRUE(made);
  EXPECT_EQ(name_of(*store, made->token), "ann");
  ASSERT_TRUE(other->set_groups("ann", Names{"legal"}));
  EXPECT_THAT((*store->authenticate(made->token))->groups, ElementsAre("legal"));
  ASSERT_TRUE(store->revoke_key(made->key.id));
  EXPECT_EQ(name_of(*store, made->token), "");
  EXPECT_EQ(name_of(*other, made->token), "");
}

TEST_F(AccessStoreTest, RemembersTheDayAKeyWasLastUsed) {
  ASSERT_TRUE(store->create_user("ann", Names{}));
  const NewKey made = key_of("ann");
  EXPECT_EQ(store->list_keys()->at(0).last_used, std::nullopt);
  now += days(2) + hours(3);
  ASSERT_EQ(name_of(*store, made.token), "ann");
  EXPECT_EQ(store->list_keys()->at(0).last_used, std::chrono::floor<days>(kNewYear) + days(2));
  now += days(1);
  ASSERT_EQ(name_of(*store, made.token), "ann");
  EXPECT_EQ(open()->list_keys()->at(0).last_used, std::chrono::floor<days>(kNewYear) + days(3));
}

TEST_F(AccessStoreTest, KeepsNobodyOutWhileAnotherProgramWrites) {
  ASSERT_TRUE(store->create_user("ann", Names{}));
  const NewKey made = key_of("ann");
  auto database = Database::open(path, 1000);
  ASSERT_TRUE(database);
  ASSERT_TRUE((*database)->run("BEGIN IMMEDIATE"));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(name_of(*store, made.token), "ann");
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(1));
}

TEST_F(AccessStoreTest, TakesAChangeBackThatCouldNotBeRecorded) {
  const auto refuse = [](std::string_view) -> Result<void> { return fail(ErrorCode::kIo, "no room"); };
  EXPECT_EQ(store->create_user("ann", Names{}, refuse).error().message, "no room");
  EXPECT_EQ(store->any_users(), false);
  ASSERT_TRUE(store->create_user("ann", Names{"sales"}));
  EXPECT_FALSE(store->set_groups("ann", Names{}, refuse));
  EXPECT_FALSE(store->create_key("ann", {Scope::kRead}, {}, "", refuse));
  const NewKey made = key_of("ann");
  EXPECT_FALSE(store->revoke_key(made.key.id, refuse));
  EXPECT_FALSE(store->remove_user("ann", refuse));
  EXPECT_THAT((*store->authenticate(made.token))->groups, ElementsAre("sales"));
  EXPECT_EQ(store->list_keys()->size(), 1U);
}

TEST_F(AccessStoreTest, RecordsOnlyWhatIsPossible) {
  Names recorded;
  const auto record = [&](std::string_view subject) -> Result<void> {
    recorded.emplace_back(subject);
    return {};
  };
  EXPECT_FALSE(store->remove_user("nobody", record));
  EXPECT_FALSE(store->revoke_key("abcdefgh", record));
  ASSERT_TRUE(store->create_user("ann", Names{}, record));
  const auto made = store->create_key("ann", {Scope::kRead}, {}, "", record);
  ASSERT_TRUE(made);
  EXPECT_THAT(recorded, ElementsAre("ann", made->key.id));
}

TEST_F(AccessStoreTest, KeepsNoSecretAndNoFileForOthers) {
  ASSERT_TRUE(store->create_user("ann", Names{}));
  const std::string token = key_of("ann").token;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const std::string file = path.string() + suffix;
    struct stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0) << file;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << file;
    std::stringstream bytes;
    bytes << std::ifstream(file, std::ios::binary).rdbuf();
    EXPECT_THAT(bytes.str(), Not(HasSubstr(token.substr(13)))) << file;
  }
}

TEST_F(AccessStoreTest, NamesNoWholeKeyInAnError) {
  ASSERT_TRUE(store->create_user("ann", Names{}));
  const std::string token = key_of("ann").token;
  const auto refused = store->revoke_key(token);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message + refused.error().hint, Not(HasSubstr(token.substr(13))));
}

TEST_F(AccessStoreTest, LeavesAnotherProgramsDatabaseAlone) {
  const auto theirs = path.parent_path() / "theirs.db";
  {
    auto database = Database::open(theirs, 1000);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->run_script("CREATE TABLE users (x); PRAGMA user_version = 1;"));
  }
  const auto refused = AccessStore::open(theirs);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kBadFormat);
  std::ofstream(path.parent_path() / "text.db") << std::string(5000, 'x');
  EXPECT_EQ(AccessStore::open(path.parent_path() / "text.db").error().code, ErrorCode::kBadFormat);
}

TEST_F(AccessStoreTest, SaysWhenItsFileIsOfANewerProgram) {
  {
    auto database = Database::open(path, 1000);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->run_script("PRAGMA user_version = 99"));
  }
  EXPECT_EQ(AccessStore::open(path).error().code, ErrorCode::kIncompatible);
}

TEST_F(AccessStoreTest, RefusesADamagedKeyRatherThanGuessing) {
  ASSERT_TRUE(store->create_user("ann", Names{}));
  const NewKey made = key_of("ann");
  {
    auto database = Database::open(path, 1000);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->run_script("UPDATE keys SET scopes = 'search,everything'"));
  }
  const auto refused = store->authenticate(made.token);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(refused.error().message, HasSubstr(made.key.id));
}

TEST_F(AccessStoreTest, ServesManyThreadsWhileKeysComeAndGo) {
  ASSERT_TRUE(store->create_user("ann", Names{}));
  const std::string token = key_of("ann").token;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 300; ++i) {
          const auto principal = store->authenticate(token);
          if (!principal || !*principal) ++refused;
        }
      });
    const auto other = open();
    for (int i = 0; i < 20; ++i) {
      const auto made = other->create_key("ann", {Scope::kRead}, {}, "");
      EXPECT_TRUE(made && other->revoke_key(made->key.id));
    }
  }
  EXPECT_EQ(refused, 0);
}

TEST(ParseLifetime, ReadsANumberAndItsUnit) {
  EXPECT_EQ(parse_lifetime("30m"), seconds(1800));
  EXPECT_EQ(parse_lifetime("12h"), hours(12));
  EXPECT_EQ(parse_lifetime("90d"), days(90));
  EXPECT_EQ(parse_lifetime("52w"), days(364));
  for (const char* text :
       {"", "d", "0d", "-1d", "90", "90x", "90 d", "d90", "1.5d", "99999999w", "99999999999999999999d", "9d9"})
    EXPECT_FALSE(parse_lifetime(text)) << text;
}

TEST(UtcText, IsIso8601) {
  EXPECT_EQ(utc_text(kNewYear + hours(9) + seconds(5)), "2027-01-01T09:00:05Z");
  EXPECT_EQ(utc_text(std::chrono::sys_days(std::chrono::year(2028) / 2 / 29)), "2028-02-29");
}

}  // namespace
}  // namespace warifu
