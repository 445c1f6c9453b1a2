#include "evaluate/label_ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Items = std::vector<std::vector<Label>>;

const Items kItems = {
    {{"articleType", "Shirts"}, {"baseColour", "Blue"}, {"baseColour", "White"}},
    {{"articleType", "Watches"}, {"baseColour", "Blue"}, {"season", "Fall"}},
    {},
};

Result<LabelIndexer> indexer_for(std::string_view rule, const Items& items = kItems) {
  return LabelIndexer::create(*RelevanceRule::parse(rule), label_columns(items));
}

TEST(LabelIndexer, GivesEqualValuesOfAColumnEqualIds) {
  auto indexer = indexer_for("all:articleType,baseColour");
  ASSERT_TRUE(indexer);
  const std::vector<ItemLabels> ids = indexer->ids_of(kItems);
  ASSERT_EQ(ids.size(), 3U);
  EXPECT_THAT(ids[0], ElementsAre(ElementsAre(0U), ElementsAre(0U, 1U)));
  EXPECT_THAT(ids[1], ElementsAre(ElementsAre(1U), ElementsAre(0U)));
  EXPECT_THAT(ids[2], ElementsAre(IsEmpty(), IsEmpty()));
  // A later call, as for the database after the queries, knows them too.
  const std::vector<Label> watch = {{"articleType", "Watches"}};
  EXPECT_THAT(indexer->ids_of(watch), ElementsAre(ElementsAre(1U), IsEmpty()));
}

TEST(LabelIndexer, SortsIdsAndDropsRepeats) {
  auto indexer = indexer_for("any:baseColour");
  const std::vector<Label> white = {{"baseColour", "White"}};
  indexer->ids_of(white);
  const std::vector<Label> twice = {{"baseColour", "Blue"}, {"baseColour", "White"}, {"baseColour", "Blue"}};
  EXPECT_THAT(indexer->ids_of(twice), ElementsAre(ElementsAre(0U, 1U)));
}

TEST(LabelIndexer, TakesEveryColumnWhereTheRuleNamesNone) {
  for (const char* rule : {"any", "graded:labels", "all:*"}) {
    const auto indexer = indexer_for(rule);
    ASSERT_TRUE(indexer) << rule;
    EXPECT_THAT(indexer->columns(), ElementsAre("articleType", "baseColour", "season")) << rule;
  }
}

TEST(LabelIndexer, TakesAColumnThatIsReallyCalledLabels) {
  const auto indexer = indexer_for("any:labels", {{{"labels", "sky"}, {"photographer", "K"}}});
  ASSERT_TRUE(indexer);
  EXPECT_THAT(indexer->columns(), ElementsAre("labels"));
}

TEST(LabelIndexer, NamesUnknownColumnsAndListsTheKnownOnes) {
  const auto indexer = indexer_for("any:article,baseColour,labels");
  ASSERT_FALSE(indexer);
  EXPECT_EQ(indexer.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(indexer.error().message, "no label column is called 'article', 'labels'");
  EXPECT_EQ(indexer.error().hint, "known label columns: articleType, baseColour, season");
}

TEST(LabelIndexer, SaysWhenNoItemHasALabelAtAll) {
  const auto indexer = indexer_for("any", {{}, {}});
  ASSERT_FALSE(indexer);
  EXPECT_EQ(indexer.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(indexer.error().hint.empty());
}

}  // namespace
}  // namespace warifu
