#include "engine/visible_items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using RowGroups = VisibleItems::RowGroups;

Principal member_of(std::vector<std::string> groups) {
  Principal principal;
  principal.name = "hana";
  principal.groups = std::move(groups);
  return principal;
}

VisibleItems some_items() {
  const std::vector<RowGroups> items = {{1, {}}, {2, {"lab"}}, {4, {"lab", "office"}}, {7, {"office"}}};
  return VisibleItems(items);
}

TEST(VisibleItems, WithoutGroupsOnlyWhatIsEverybodysIsSeen) {
  EXPECT_THAT(some_items().universe(member_of({}))->rows, ElementsAre(1));
}

TEST(VisibleItems, OneOfTheItemsGroupsIsEnough) {
  const auto items = some_items();
  EXPECT_THAT(items.universe(member_of({"lab"}))->rows, ElementsAre(1, 2, 4));
  EXPECT_THAT(items.universe(member_of({"office"}))->rows, ElementsAre(1, 4, 7));
  EXPECT_THAT(items.universe(member_of({"elsewhere"}))->rows, ElementsAre(1));
}

TEST(VisibleItems, WhoSeesEverythingSeesNoRowWithoutAnItem) {
  const auto items = some_items();
  const auto universe = items.universe(local_owner());
  EXPECT_THAT(universe->rows, ElementsAre(1, 2, 4, 7));
  EXPECT_FALSE(universe->filter.allows_all());
  EXPECT_FALSE(universe->filter.allows(3));
  EXPECT_FALSE(universe->filter.allows(1000));
}

TEST(VisibleItems, ChangesShowInTheNextAndNotInThisOne) {
  const auto before = some_items();
  const std::vector<RowGroups> changed = {{1, {"lab"}}, {9, {}}};
  const std::vector<ItemRow> removed = {2, 5};
  const auto after = before.with(changed, removed);
  EXPECT_THAT(after.universe(member_of({}))->rows, ElementsAre(9));
  EXPECT_THAT(after.universe(member_of({"lab"}))->rows, ElementsAre(1, 4, 9));
  EXPECT_EQ(after.size(), 4U);
  EXPECT_THAT(before.universe(member_of({}))->rows, ElementsAre(1));
  EXPECT_EQ(before.size(), 4U);
}

TEST(VisibleItems, TheSameRightsShareOneUniverse) {
  const auto items = some_items();
  EXPECT_EQ(items.universe(member_of({"lab"})), items.universe(member_of({"lab", "elsewhere"})));
  EXPECT_NE(items.universe(member_of({"lab"})), items.universe(member_of({"office"})));
}

TEST(VisibleItems, OfNothingNothingIsSeen) {
  const VisibleItems none;
  EXPECT_THAT(none.universe(local_owner())->rows, IsEmpty());
  EXPECT_FALSE(none.universe(local_owner())->filter.allows_all());
}

}  // namespace
}  // namespace warifu
