#include "store/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"
#include "base/rng.h"
#include "store/sqlite.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CatalogTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              (std::string("catalog_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    catalog_ = open();
    ASSERT_TRUE(catalog_);
    const auto begun = catalog_->begin_writing();
    ASSERT_TRUE(begun) << begun.error().message;
  }

  std::filesystem::path path() const { return folder_ / "catalog.db"; }

  std::unique_ptr<Catalog> open() const {
    auto catalog = open_catalog(path());
    EXPECT_TRUE(catalog) << catalog.error().message;
    return catalog ? *std::move(catalog) : nullptr;
  }

  ItemRow put(const Item& item, Stored expected = Stored::kAdded) {
    const auto stored = catalog_->put(item);
    EXPECT_TRUE(stored) << stored.error().message;
    if (!stored) return 0;
    EXPECT_EQ(stored->second, expected) << item.id;
    return stored->first;
  }

  std::filesystem::path folder_;
  std::unique_ptr<Catalog> catalog_;
};

Item shirt() {
  Item item;
  item.id = "15970";
  item.image_uri = "/data/images/15970.jpg";
  item.image_hash = "0123456789abcdef0123456789abcdef";
  item.text = "Turtle Check Men Navy Blue Shirt";
  item.labels = {{"articleType", "Shirts"}, {"baseColour", "Navy Blue"}};
  item.attributes = {{"season", "Fall"}, {"year", "2011"}};
  item.groups = {"design", "sales"};
  item.original_uri = "/data/originals/15970.jpg";
  return item;
}

Item named(const std::string& id) {
  Item item;
  item.id = id;
  return item;
}

void expect_same_content(const Item& a, const Item& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.image_uri, b.image_uri);
  EXPECT_EQ(a.image_hash, b.image_hash);
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.attributes, b.attributes);
  EXPECT_EQ(a.groups, b.groups);
  EXPECT_EQ(a.original_uri, b.original_uri);
}

TEST_F(CatalogTest, GivesBackWhatWasPutAlsoAfterReopening) {
  const ItemRow row = put(shirt());
  ASSERT_TRUE(catalog_->end_writing());
  catalog_ = open();
  const auto found = catalog_->find("15970");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->row, row);
  EXPECT_EQ((*found)->revision, 1);
  expect_same_content(**found, shirt());
  const auto missing = catalog_->find("1");
  ASSERT_TRUE(missing);
  EXPECT_FALSE(*missing);
}

TEST_F(CatalogTest, ChangesNothingWhenTheContentIsTheSame) {
  const ItemRow row = put(shirt());
  Item same = shirt();
  std::swap(same.labels[0], same.labels[1]);
  same.labels.push_back(same.labels[0]);
  same.groups = {"sales", "design", "sales"};
  same.row = 999;
  same.revision = 999;
  EXPECT_EQ(put(same, Stored::kUnchanged), row);
  EXPECT_EQ(catalog_->last_revision(), 1);
}

TEST_F(CatalogTest, KeepsTheRowAndRaisesTheRevisionOfWhatChanged) {
  const ItemRow first = put(shirt());
  const ItemRow second = put(named("other"));
  EXPECT_LT(first, second);
  std::int64_t revision = 2;
  const auto change = [&](auto edit) {
    Item item = **catalog_->find("15970");
    edit(item);
    EXPECT_EQ(put(item, Stored::kUpdated), first);
    const auto now = catalog_->find("15970");
    ASSERT_TRUE(now && *now);
    expect_same_content(**now, item);
    EXPECT_EQ((*now)->revision, ++revision);
    EXPECT_EQ(catalog_->last_revision(), revision);
  };
  change([](Item& i) { i.text = "Turtle Check Men Red Shirt"; });
  change([](Item& i) { i.text.reset(); });
  change([](Item& i) { i.text = ""; });
  change([](Item& i) { i.image_hash = "ffff"; });
  change([](Item& i) { i.image_uri.clear(); });
  change([](Item& i) { i.labels.erase(i.labels.begin()); });
  change([](Item& i) { i.labels.push_back({"baseColour", "Red"}); });
  change([](Item& i) { std::swap(i.labels, i.attributes); });
  change([](Item& i) { i.attributes.clear(); });
  change([](Item& i) { i.groups.pop_back(); });
  change([](Item& i) { i.groups = {}; });
  change([](Item& i) { i.original_uri.clear(); });
  EXPECT_EQ((*catalog_->find("other"))->revision, 2) << "the others are as they were";
}

TEST_F(CatalogTest, TouchRaisesTheRevisionAlone) {
  const ItemRow row = put(shirt());
  put(named("other"));
  ASSERT_TRUE(catalog_->touch(row));
  EXPECT_EQ((*catalog_->find("15970"))->revision, 3);
  EXPECT_EQ(catalog_->last_revision(), 3);
  EXPECT_EQ(catalog_->touch(77).error().code, ErrorCode::kNotFound);
}

TEST_F(CatalogTest, RemovesAnItemWithAllThatIsItsOwn) {
  const ItemRow row = put(shirt());
  const ItemRow other = put(named("other"));
  ASSERT_TRUE(catalog_->set_split("train", std::vector{row, other}));
  EXPECT_EQ(*catalog_->remove("15970"), row);
  EXPECT_EQ(*catalog_->remove("15970"), std::nullopt);
  EXPECT_EQ(*catalog_->remove("never was"), std::nullopt);
  EXPECT_FALSE(*catalog_->find("15970"));
  EXPECT_EQ(catalog_->counts()->items, 1U);
  EXPECT_THAT(*catalog_->split("train"), ElementsAre(other));
  EXPECT_THAT(*catalog_->label_columns(), IsEmpty());
  EXPECT_THAT(*catalog_->suggest("Navy", 10, {}), IsEmpty());
  EXPECT_THAT(*catalog_->damages(), IsEmpty());
  EXPECT_EQ(*catalog_->last_revision(), 3);
  EXPECT_GT(put(shirt()), other) << "the old row is not used again";
  EXPECT_EQ((*catalog_->find("15970"))->revision, 4);
  EXPECT_EQ(*catalog_->remove("15970"), other + 1);
  ASSERT_TRUE(catalog_->touch(other));
  EXPECT_EQ((*catalog_->find("other"))->revision, 6) << "newer than every removal";
}

TEST_F(CatalogTest, TellsWhatChangedSinceARevision) {
  const auto changes = [&](std::int64_t revision) {
    std::vector<std::string> told;
    const auto answer = catalog_->changes_since(revision);
    for (const ItemChange& change : *answer)
      told.push_back(std::to_string(change.revision) + (change.removed ? " -" : " +") + std::to_string(change.row));
    return told;
  };
  EXPECT_THAT(changes(0), IsEmpty());
  const ItemRow a = put(named("a"));
  put(named("b"));
  put(named("c"));
  EXPECT_THAT(changes(0), ElementsAre("1 +1", "2 +2", "3 +3"));
  EXPECT_THAT(changes(2), ElementsAre("3 +3"));
  ASSERT_TRUE(catalog_->touch(a));
  ASSERT_TRUE(catalog_->remove("b"));
  ASSERT_TRUE(catalog_->remove("c"));
  put(named("d"));
  EXPECT_THAT(changes(0), ElementsAre("4 +1", "5 -2", "6 -3", "7 +4")) << "the latest of each";
  EXPECT_THAT(changes(5), ElementsAre("6 -3", "7 +4"));
  EXPECT_THAT(changes(7), IsEmpty());
}

TEST_F(CatalogTest, KnowsWhoMaySeeWhat) {
  const ItemRow open_to_all = put(named("open"));
  const ItemRow restricted = put(shirt());
  const ItemRow gone = put(named("gone"));
  ASSERT_TRUE(catalog_->remove("gone"));
  const ItemGroups all_see{open_to_all, {}};
  const ItemGroups some_see{restricted, {"design", "sales"}};
  EXPECT_THAT(*catalog_->item_groups(), ElementsAre(all_see, some_see));
  EXPECT_THAT(*catalog_->item_groups(std::vector{restricted, gone, open_to_all}), ElementsAre(some_see, all_see));
  EXPECT_THAT(*catalog_->item_groups({}), IsEmpty());
  EXPECT_THAT(catalog_->all_items()->back().groups, ElementsAre("design", "sales"));
}

TEST_F(CatalogTest, TakesAnyBytesInIdsTextsAndValues) {
  Item item = named("図面 '1\"; DROP TABLE items; --\n");
  item.text = std::string(3 << 20, 'x') + std::string("\0y", 2);
  item.labels = {{"形 状", "軸受け\twith tab"}, {"", ""}};
  put(item);
  item.labels = {{"", ""}, {"形 状", "軸受け\twith tab"}};
  const auto found = catalog_->find(item.id);
  ASSERT_TRUE(found && *found);
  expect_same_content(**found, item);
  EXPECT_EQ(catalog_->put(named("")).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(CatalogTest, GivesItemsInTheOrderAskedOrInRows) {
  Item b = named("b");
  b.labels = {{"colour", "red"}};
  Item c = named("c");
  c.attributes = {{"year", "2011"}};
  const ItemRow row_a = put(named("a"));
  const ItemRow row_b = put(b);
  const ItemRow row_c = put(c);
  const auto ids_of = [](const Result<std::vector<Item>>& items) {
    std::vector<std::string> ids;
    for (const Item& item : *items) ids.push_back(item.id);
    return ids;
  };
  EXPECT_THAT(ids_of(catalog_->items(std::vector{row_c, row_a, row_c})), ElementsAre("c", "a", "c"));
  EXPECT_THAT(ids_of(catalog_->items({})), IsEmpty());
  const auto all = catalog_->all_items();
  EXPECT_THAT(ids_of(all), ElementsAre("a", "b", "c"));
  EXPECT_THAT((*all)[0].labels, IsEmpty());
  EXPECT_THAT((*all)[1].labels, ElementsAre(Label{"colour", "red"}));
  EXPECT_EQ((*all)[1].row, row_b);
  EXPECT_THAT((*all)[2].attributes, ElementsAre(Label{"year", "2011"}));
  EXPECT_THAT(ids_of(catalog_->items_there(std::vector{row_c, ItemRow{99}, row_a})), ElementsAre("c", "a"));
  const auto missing = catalog_->items(std::vector{row_a, ItemRow{99}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("99"));
}

TEST_F(CatalogTest, CountsWhatItHolds) {
  EXPECT_EQ(catalog_->counts()->items, 0U);
  put(shirt());
  Item picture = named("p");
  picture.image_uri = "/p.png";
  put(picture);
  Item text = named("t");
  text.text = "words";
  put(text);
  put(named("features only"));
  ASSERT_TRUE(catalog_->put_rejection({"a.csv:3", "bad", ""}));
  const auto counts = catalog_->counts();
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->items, 4U);
  EXPECT_EQ(counts->with_image, 2U);
  EXPECT_EQ(counts->with_text, 2U);
  EXPECT_EQ(counts->with_both, 1U);
  EXPECT_EQ(counts->rejections, 1U);
}

TEST_F(CatalogTest, FindsRowsByLabelAndAttribute) {
  Item a = named("a");
  a.labels = {{"colour", "red"}, {"colour", "blue"}};
  Item b = named("b");
  b.labels = {{"colour", "red"}};
  b.attributes = {{"colour", "red"}, {"year", "2011"}};
  Item c = named("c");
  c.attributes = {{"colour", "red"}};
  const std::vector rows = {put(a), put(b), put(c)};
  EXPECT_EQ(*catalog_->rows_where("colour", "red"), rows);
  EXPECT_THAT(*catalog_->rows_where("colour", "blue"), ElementsAre(rows[0]));
  EXPECT_THAT(*catalog_->rows_where("year", "2011"), ElementsAre(rows[1]));
  EXPECT_THAT(*catalog_->rows_where("colour", "RED"), IsEmpty()) << "exactly this value";
  const auto unknown = catalog_->rows_where("color", "red");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(unknown.error().hint, "known columns: colour, year");
}

TEST_F(CatalogTest, ListsLabelColumnsSortedAndOnce) {
  EXPECT_THAT(*catalog_->label_columns(), IsEmpty());
  put(shirt());
  Item other = named("o");
  other.labels = {{"articleType", "Watches"}, {"Zeta", "1"}};
  put(other);
  EXPECT_THAT(*catalog_->label_columns(), ElementsAre("Zeta", "articleType", "baseColour"));
}

TEST_F(CatalogTest, ReplacesSplitsAndLetsThemOverlap) {
  const std::vector rows = {put(named("a")), put(named("b")), put(named("c"))};
  ASSERT_TRUE(catalog_->set_split("train", std::vector{rows[2], rows[0], rows[2]}));
  ASSERT_TRUE(catalog_->set_split("database", rows));
  ASSERT_TRUE(catalog_->set_split("query", {}));
  EXPECT_THAT(*catalog_->split_names(), ElementsAre("database", "query", "train"));
  EXPECT_THAT(*catalog_->split("train"), ElementsAre(rows[0], rows[2]));
  EXPECT_EQ(*catalog_->split("database"), rows);
  EXPECT_THAT(*catalog_->split("query"), IsEmpty());
  ASSERT_TRUE(catalog_->set_split("train", std::vector{rows[1]}));
  EXPECT_THAT(*catalog_->split("train"), ElementsAre(rows[1]));

  const auto unknown = catalog_->split("test");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(unknown.error().hint, "known splits: database, query, train");
  const auto refused = catalog_->set_split("train", std::vector{rows[0], ItemRow{99}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(*catalog_->split("train"), ElementsAre(rows[1])) << "the old one stays";
  EXPECT_EQ(catalog_->set_split("", rows).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(CatalogTest, KeepsOneRejectionAPlaceInOrderOfAppearance) {
  ASSERT_TRUE(catalog_->put_rejection({"a.csv:9", "no picture", "add it"}));
  ASSERT_TRUE(catalog_->put_rejection({"a.csv:10", "two ids", ""}));
  ASSERT_TRUE(catalog_->put_rejection({"a.csv:9", "empty picture", ""}));
  auto all = catalog_->rejections();
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].place, "a.csv:9");
  EXPECT_EQ((*all)[0].reason, "empty picture");
  EXPECT_EQ((*all)[0].hint, "");
  EXPECT_EQ((*all)[1].place, "a.csv:10");
  const auto first = catalog_->rejections(1);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->size(), 1U);
  EXPECT_EQ(first->front().place, "a.csv:9");
  ASSERT_TRUE(catalog_->clear_rejection("a.csv:9"));
  ASSERT_TRUE(catalog_->clear_rejection("never was"));
  EXPECT_EQ(catalog_->rejections()->size(), 1U);
}

TEST_F(CatalogTest, CountsTheValuesOfEachColumnAndTheItemsOfEachGroup) {
  put(shirt());
  Item other = shirt();
  other.id = "15971";
  other.labels[1].value = "Red";
  other.attributes = {{"baseColour", "Red"}};
  other.groups = {"sales"};
  put(other);
  const auto columns = catalog_->value_columns();
  ASSERT_TRUE(columns);
  std::vector<std::string> told;
  for (const ValueColumn& column : *columns)
    told.push_back(column.name + (column.is_label ? " label " : " attribute ") + std::to_string(column.values));
  EXPECT_THAT(told, ElementsAre("articleType label 1", "baseColour label 2", "baseColour attribute 1",
                                "season attribute 1", "year attribute 1"));
  const auto groups = catalog_->group_sizes();
  ASSERT_TRUE(groups);
  told.clear();
  for (const GroupSize& group : *groups) told.push_back(group.name + " " + std::to_string(group.items));
  EXPECT_THAT(told, ElementsAre("design 1", "sales 2"));
}

TEST_F(CatalogTest, RemembersNamedValues) {
  EXPECT_EQ(*catalog_->meta("splits.seed"), std::nullopt);
  ASSERT_TRUE(catalog_->set_meta("splits.seed", "7"));
  ASSERT_TRUE(catalog_->set_meta("splits.seed", "8"));
  ASSERT_TRUE(catalog_->set_meta("empty", ""));
  ASSERT_TRUE(catalog_->end_writing());
  catalog_ = open();
  EXPECT_EQ(*catalog_->meta("splits.seed"), "8");
  EXPECT_EQ(*catalog_->meta("empty"), "");
}

TEST_F(CatalogTest, KeepsOnlyWhatWasCommitted) {
  put(named("a"));
  ASSERT_TRUE(catalog_->commit());
  put(named("b"));
  catalog_.reset();
  catalog_ = open();
  EXPECT_TRUE(*catalog_->find("a"));
  EXPECT_FALSE(*catalog_->find("b"));
  EXPECT_TRUE(catalog_->begin_writing()) << "the lock went with its owner";
}

TEST_F(CatalogTest, RefusesToWriteWithoutTheLock) {
  const auto reader = open();
  const std::vector<ErrorCode> codes = {
      reader->commit().error().code,           reader->end_writing().error().code,
      reader->put(shirt()).error().code,       reader->touch(1).error().code,
      reader->set_meta("a", "b").error().code, reader->set_split("a", {}).error().code,
      reader->put_rejection({}).error().code,  reader->clear_rejection("a").error().code,
      reader->remove("a").error().code};
  EXPECT_THAT(codes, testing::Each(ErrorCode::kUnavailable));
}

TEST_F(CatalogTest, LetsOneWriteAndNamesItToTheOther) {
  const auto second = open();
  const auto refused = second->begin_writing();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_FALSE(second->begin_writing()) << "asking does not take it away";
  ASSERT_TRUE(catalog_->end_writing());
  EXPECT_TRUE(second->begin_writing());
  EXPECT_EQ(catalog_->begin_writing().error().code, ErrorCode::kUnavailable);
}

TEST_F(CatalogTest, ReadersSeeTheLastCommitWhileSomebodyWrites) {
  const auto reader = open();
  put(named("a"));
  EXPECT_EQ(reader->counts()->items, 0U);
  EXPECT_EQ(catalog_->counts()->items, 1U) << "the writer sees its own";
  ASSERT_TRUE(catalog_->commit());
  EXPECT_EQ(reader->counts()->items, 1U);
  put(named("b"));
  EXPECT_EQ(reader->all_items()->size(), 1U);
}

TEST(OpenCatalog, RefusesWhatIsNotACatalog) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "catalog_not";
  std::filesystem::create_directories(folder);
  ASSERT_TRUE(write_file_atomically(folder / "text.db", std::string(5000, 'x')));
  const auto text = open_catalog(folder / "text.db");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(text.error().message, HasSubstr("text.db"));
  EXPECT_EQ(open_catalog(folder / "none" / "c.db").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(open_catalog(folder).error().code, ErrorCode::kIo);
}

TEST(OpenCatalog, MeetsDamageWithErrors) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "catalog_damage";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  {
    const auto catalog = open_catalog(folder / "c.db");
    ASSERT_TRUE(catalog && (*catalog)->begin_writing());
    for (int i = 0; i < 200; ++i) {
      Item item = shirt();
      item.id = std::to_string(i);
      ASSERT_TRUE((*catalog)->put(item));
    }
    ASSERT_TRUE((*catalog)->end_writing());
  }
  const auto good = read_text_file(folder / "c.db", 1 << 24);
  ASSERT_TRUE(good);
  Rng rng(4);
  std::size_t refused = 0;
  for (int round = 0; round < 40; ++round) {
    std::string bytes = *good;
    if (round % 4 == 0) bytes.resize(rng.below(bytes.size()));
    for (int i = 0; i < 200 && !bytes.empty(); ++i) bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
    ASSERT_TRUE(write_file_atomically(folder / "bad.db", bytes));
    const auto catalog = open_catalog(folder / "bad.db");
    const bool fails = !catalog || !(*catalog)->all_items() || !(*catalog)->rows_where("year", "2011") ||
                       !(*catalog)->counts() || !(*catalog)->find("7");
    refused += fails ? 1 : 0;
  }
  EXPECT_GT(refused, 30U);
}

TEST(Catalog, KnowsWhatIsDamagedInItsFile) {
  const auto path = fresh_folder() / "c.db";
  {
    const auto catalog = open_catalog(path);
    ASSERT_TRUE((*catalog)->begin_writing());
    for (int i = 0; i < 50; ++i) {
      Item item = shirt();
      item.id = std::to_string(i);
      ASSERT_TRUE((*catalog)->put(item));
    }
    ASSERT_TRUE((*catalog)->end_writing());
    EXPECT_TRUE((*catalog)->damages()->empty());
  }
  const auto database = Database::open(path, 1000);
  ASSERT_TRUE(database);
  ASSERT_TRUE((*database)->run_script("PRAGMA foreign_keys = OFF; DELETE FROM items WHERE id = '7'"));
  const auto damages = (*open_catalog(path))->damages();
  ASSERT_TRUE(damages);
  ASSERT_EQ(damages->size(), 1U);
  EXPECT_NE(damages->front().find("item_values"), std::string::npos);
}

}  // namespace
}  // namespace warifu
