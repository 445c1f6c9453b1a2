#include "security/principal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Groups = std::vector<std::string>;

Principal member_of(Groups groups) {
  return {
      .name = "ann", .key_id = "k", .scopes = {Scope::kSearch}, .groups = std::move(groups), .sees_everything = false};
}

TEST(MaySee, ShowsAnItemWithoutGroupsToEverybody) {
  EXPECT_TRUE(may_see(member_of({}), Groups{}));
  EXPECT_TRUE(may_see(member_of({"design"}), Groups{}));
}

TEST(MaySee, ShowsAnItemWithGroupsToTheirMembersOnly) {
  EXPECT_TRUE(may_see(member_of({"design", "sales"}), Groups{"legal", "sales"}));
  EXPECT_FALSE(may_see(member_of({"design"}), Groups{"legal", "sales"}));
  EXPECT_FALSE(may_see(member_of({}), Groups{"legal"}));
  EXPECT_FALSE(may_see(member_of({"lega"}), Groups{"legal"})) << "names are compared whole";
  EXPECT_FALSE(may_see(member_of({"Legal"}), Groups{"legal"})) << "and by case";
}

TEST(MaySee, ShowsEverythingToTheOwner) { EXPECT_TRUE(may_see(local_owner(), Groups{"legal"})); }

TEST(Scopes, AreWhatWasGiven) {
  const Scopes scopes{Scope::kSearch, Scope::kWrite};
  EXPECT_TRUE(scopes.has(Scope::kSearch));
  EXPECT_FALSE(scopes.has(Scope::kRead));
  EXPECT_TRUE(scopes.has(Scope::kWrite));
  EXPECT_FALSE(scopes.has(Scope::kAdmin));
  EXPECT_THAT(scopes.names(), ElementsAre("search", "write"));
}

TEST(Scopes, OfAnAdministratorIncludeTheOthers) {
  const Scopes scopes{Scope::kAdmin};
  for (const Scope scope : {Scope::kSearch, Scope::kRead, Scope::kWrite, Scope::kAdmin}) EXPECT_TRUE(scopes.has(scope));
  EXPECT_THAT(scopes.names(), ElementsAre("admin"));
}

TEST(ParseScopes, ReadsNamesAndListsThemWhereOneIsUnknown) {
  EXPECT_EQ(parse_scopes(Groups{"read", "search", "read"}), (Scopes{Scope::kSearch, Scope::kRead}));
  const auto unknown = parse_scopes(Groups{"read", "root"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(unknown.error().message, HasSubstr("'root'"));
  EXPECT_THAT(unknown.error().hint, HasSubstr("search, read, write, admin"));
  EXPECT_FALSE(parse_scopes(Groups{}));
}

TEST(Names, AreShortAndNeedNoQuoting) {
  for (const char* name : {"a", "ann.lee", "Team-7", "_x", "0"}) {
    EXPECT_TRUE(check_user_name(name)) << name;
    EXPECT_TRUE(check_group_name(name)) << name;
  }
  EXPECT_TRUE(check_group_name(std::string(64, 'g')));
  for (const std::string& name :
       {std::string(), std::string(65, 'g'), std::string("a b"), std::string("-a"), std::string(".."),
        std::string("a,b"), std::string("a\0b", 3), std::string("\xC3\xA9"), std::string("\xFF"), std::string("a/b"),
        std::string("a\n")}) {
    EXPECT_FALSE(check_user_name(name)) << name;
    EXPECT_FALSE(check_group_name(name)) << name;
  }
}

TEST(Names, ThatTheAuditLogUsesAreNoUsers) {
  EXPECT_FALSE(check_user_name("local"));
  EXPECT_FALSE(check_user_name("anonymous"));
  EXPECT_TRUE(check_group_name("local"));
}

}  // namespace
}  // namespace warifu
