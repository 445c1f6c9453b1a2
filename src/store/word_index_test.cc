#include "store/word_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "base/fresh_folder_for_test.h"
#include "store/schema.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class WordsTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = fresh_folder() / "catalog.db";
    catalog_ = *open_catalog(path_);
    ASSERT_TRUE(catalog_->begin_writing());
  }

  Item with_text(const std::string& id, const std::string& text) const {
    Item item;
    item.id = id;
    item.text = text;
    return item;
  }

  ItemRow put(const Item& item) {
    const auto stored = catalog_->put(item);
    EXPECT_TRUE(stored) << stored.error().message;
    ids_[stored->first] = item.id;
    return stored->first;
  }
  ItemRow put(const std::string& id, const std::string& text) { return put(with_text(id, text)); }

  std::vector<WordHit> hits(std::string_view query, const AllowedRows& allowed = {}, std::size_t limit = 100) const {
    const auto found = catalog_->find_words(keyword_query(query), limit, allowed);
    EXPECT_TRUE(found) << query << ": " << found.error().message;
    return found ? *found : std::vector<WordHit>();
  }

  std::vector<std::string> ids(std::string_view query, const AllowedRows& allowed = {}) const {
    std::vector<std::string> ids;
    for (const WordHit& hit : hits(query, allowed)) ids.push_back(ids_.at(hit.row));
    return ids;
  }

  std::filesystem::path path_;
  std::unique_ptr<Catalog> catalog_;
  std::map<ItemRow, std::string> ids_;
};

TEST_F(WordsTest, FindsJapaneseByOneTwoAndManyCharacters) {
  put("a", "大きな雪だるまと子ども");
  put("b", "梅雨の朝");
  put("c", "大雪");
  for (const char* query : {"だるま", "雪だるま", "子ども", "大きな"})
    EXPECT_THAT(ids(query), ElementsAre("a")) << query;
  EXPECT_THAT(ids("雪"), testing::UnorderedElementsAre("a", "c"));
  EXPECT_THAT(ids("大雪"), ElementsAre("c"));
  EXPECT_THAT(ids("雨"), ElementsAre("b"));
  EXPECT_THAT(ids("風"), IsEmpty());
  EXPECT_THAT(ids("ユキ"), IsEmpty());
  EXPECT_EQ(ids("雪だるまと子どもの朝").front(), "a") << "a sentence need not occur as a whole";
}

TEST_F(WordsTest, FindsCharactersThatFewProgramsKnow) {
  put("a", "\U00020BB7野家");  // outside the basic plane
  put("b", "スーパー");
  put("c", "\u19B0\u19B1");  // letters to ICU, not to SQLite
  EXPECT_THAT(ids("\U00020BB7"), ElementsAre("a"));
  EXPECT_THAT(ids("\U00020BB7野"), ElementsAre("a"));
  EXPECT_THAT(ids("パー"), ElementsAre("b"));
  EXPECT_THAT(ids("\u19B0\u19B1 スーパー"), ElementsAre("b")) << "one that FTS5 does not know stops nothing";
  const auto hit = hits("\u19B0\u19B1 スーパー 野家");
  ASSERT_EQ(hit.size(), 2U);
  EXPECT_EQ(hit[0].phrases | hit[1].phrases, 6U) << "phrases keep their numbers";
}

TEST_F(WordsTest, FindsFullWidthPluralsAndAccents) {
  put("a", "Two blue shirts, ＡＢＣ");
  put("b", "Café crème");
  EXPECT_THAT(ids("shirt"), ElementsAre("a"));
  EXPECT_THAT(ids("SHIRTS"), ElementsAre("a"));
  EXPECT_THAT(ids("abc"), ElementsAre("a"));
  EXPECT_THAT(ids("ａｂｃ"), ElementsAre("a"));
  EXPECT_THAT(ids("cafe"), ElementsAre("b"));
}

TEST_F(WordsTest, FindsNamesIdsAndValues) {
  Item item;
  item.id = "ABC-123";
  item.image_uri = "/photos/winter/IMG_0042.jpg";
  item.labels = {{"colour", "Navy Blue"}};
  item.attributes = {{"season", "Fall"}};
  put(item);
  put("other", "");
  for (const char* query : {"abc-123", "ABC", "123", "IMG_0042.jpg", "0042", "img", "navy", "fall", "jpg"})
    EXPECT_THAT(ids(query), ElementsAre("ABC-123")) << query;
  for (const char* query : {"winter", "colour", "123-abc", "42"})
    EXPECT_THAT(ids(query), IsEmpty()) << query << ": folders and columns are no names";
}

TEST_F(WordsTest, WhatLooksLikeSyntaxIsWords) {
  put("a", "near or far");
  put("b", "name text labels");
  EXPECT_THAT(ids("\" OR * NEAR("), ElementsAre("a"));
  for (const char* query :
       {"\"", "*", "name:", "NOT", "AND AND", "(", "text : x", "{name}", "^a", "a\"b", "-", "near(a,2)"})
    hits(query);
  EXPECT_THAT(ids("name: far"), testing::UnorderedElementsAre("a", "b"));
  EXPECT_THAT(ids(""), IsEmpty());
}

TEST_F(WordsTest, PutsWhatHasEveryWordFirst) {
  put("rare only", "zircon");
  for (int i = 0; i < 50; ++i) put("common " + std::to_string(i), "ring");
  put("both", "a very long description that says ring somewhere and, much later and only in passing, zircon too");
  const auto found = hits("ring zircon");
  ASSERT_EQ(found.size(), 52U);
  EXPECT_EQ(ids_[found[0].row], "both");
  EXPECT_EQ(found[0].phrases, 3U);
  EXPECT_EQ(ids_[found[1].row], "rare only") << "the rarer word weighs more";
  EXPECT_EQ(found[1].phrases, 2U);
  EXPECT_EQ(found[2].phrases, 1U);
  EXPECT_LT(found[2].row, found[3].row) << "ties by row";
  for (const WordHit& hit : found) EXPECT_GT(hit.score, 0);
  EXPECT_EQ(hits("ring zircon", {}, 3).size(), 3U);
  EXPECT_THAT(hits("ring", {}, 0), IsEmpty());
}

TEST_F(WordsTest, ScoresByHand) {
  put("x", "snow");       // tokens: x, snow
  put("y", "snow snow");  // y, snow, snow
  put("z", "rain");
  const auto found = hits("snow");
  ASSERT_EQ(found.size(), 2U);
  // Two rows found have the word: its weight is ln(1 + (4 - 2 + 0.5) / (2 + 0.5)) = ln 2; the mean length is 2.5.
  const double y = std::log(2.0) * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2.5));
  const double x = std::log(2.0) * 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 2.5));
  EXPECT_EQ(ids_[found[0].row], "y");
  EXPECT_NEAR(found[0].score, y, 1e-12);
  EXPECT_NEAR(found[1].score, x, 1e-12);
}

TEST_F(WordsTest, AnItemThatIsNotAllowedChangesNothing) {
  const std::set<ItemRow> visible = {put("a", "red shirt with a long text"), put("b", "shirt"), put("c", "red socks")};
  Item labelled = with_text("d", "hat");
  labelled.labels = {{"colour", "Red"}};
  ItemRow d = put(labelled);
  const AllowedRows allowed = [&](ItemRow row) { return visible.contains(row) || row == d; };
  const auto before = hits("red shirt", allowed);
  const auto suggested = *catalog_->suggest("re", 10, allowed);
  ASSERT_EQ(before.size(), 4U);
  ASSERT_EQ(suggested.size(), 1U);
  for (int i = 0; i < 30; ++i) {
    Item hidden = with_text("hidden " + std::to_string(i), "red red shirt of somebody else");
    hidden.labels = {{"colour", "Red"}, {"colour", "Reserved"}};
    put(hidden);
  }
  const auto after = hits("red shirt", allowed);
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].row, before[i].row);
    EXPECT_EQ(after[i].score, before[i].score);
    EXPECT_EQ(after[i].phrases, before[i].phrases);
  }
  const auto again = *catalog_->suggest("re", 10, allowed);
  ASSERT_EQ(again.size(), 1U) << "not even that the value exists";
  EXPECT_EQ(again[0].value, "Red");
  EXPECT_EQ(again[0].items, 1U);
  const auto counts = *catalog_->count_values("colour", allowed);
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].items, 1U);
}

TEST_F(WordsTest, FollowsChangesAndRemovals) {
  put("a", "snow");
  put("b", "snow");
  put("a", "rain");
  EXPECT_THAT(ids("snow"), ElementsAre("b"));
  EXPECT_THAT(ids("rain"), ElementsAre("a"));
  ASSERT_TRUE(*catalog_->remove("b"));
  EXPECT_THAT(ids("snow"), IsEmpty());
  EXPECT_THAT(ids("b"), IsEmpty());
  EXPECT_THAT(*catalog_->damages(), IsEmpty());
}

TEST_F(WordsTest, ReadersSeeTheCommittedWordsAndTheirLengths) {
  put("a", "snow and ice and much else");
  put("b", "snow");
  const auto reader = *open_catalog(path_);
  const auto seen = [&] { return *reader->find_words(keyword_query("snow"), 10, {}); };
  EXPECT_THAT(seen(), IsEmpty());
  ASSERT_TRUE(catalog_->commit());
  EXPECT_EQ(ids_[seen()[0].row], "b") << "the shorter";
  put("a", "snow");
  put("b", "snow and ice and much else");
  EXPECT_EQ(ids_[seen()[0].row], "b");
  ASSERT_TRUE(catalog_->commit());
  EXPECT_EQ(ids_[seen()[0].row], "a");
  EXPECT_EQ(seen()[0].score, hits("snow")[0].score) << "what was remembered is as good as new";
  put("c", "snow");
  catalog_.reset();
  EXPECT_EQ(seen().size(), 2U) << "nothing of what was not committed";
}

TEST_F(WordsTest, HoldsMoreItemsThanItsQueue) {
  for (int i = 0; i < 5000; ++i) put("item " + std::to_string(i), i % 2 == 0 ? "even" : "odd");
  ASSERT_TRUE(catalog_->end_writing());
  EXPECT_EQ(hits("even", {}, 5000).size(), 2500U);
  EXPECT_THAT(*catalog_->damages(), IsEmpty());
}

TEST_F(WordsTest, SuggestsValuesByTheirBeginning) {
  const auto item = [&](const std::string& id, std::vector<Label> labels, std::vector<Label> attributes = {}) {
    Item made;
    made.id = id;
    made.labels = std::move(labels);
    made.attributes = std::move(attributes);
    return put(made);
  };
  item("a", {{"type", "Shirts"}, {"colour", "Silver"}}, {{"season", "Summer"}});
  item("b", {{"type", "Shirts"}, {"colour", "silver"}}, {{"type", "Shirts"}});
  item("c", {{"type", "Shoes"}, {"colour", "緑"}, {"note", "100% \"%_*\""}});
  const auto names = [&](std::string_view prefix, std::size_t limit = 10) {
    std::vector<std::string> all;
    const auto answer = catalog_->suggest(prefix, limit, {});
    for (const Suggestion& s : *answer) all.push_back(s.column + "=" + s.value + " " + std::to_string(s.items));
    return all;
  };
  EXPECT_THAT(names("s"),
              ElementsAre("type=Shirts 2", "type=Shoes 1", "colour=Silver 1", "season=Summer 1", "colour=silver 1"));
  EXPECT_THAT(names("ＳＨ", 1), ElementsAre("type=Shirts 2"));
  EXPECT_THAT(names("緑"), ElementsAre("colour=緑 1"));
  EXPECT_THAT(names("100% \"%"), ElementsAre("note=100% \"%_*\" 1"));
  EXPECT_THAT(names(""), IsEmpty());
  EXPECT_THAT(names("hirts"), IsEmpty());
  item("c", {{"type", "Shirts"}});
  EXPECT_THAT(names("shoe"), IsEmpty()) << "nobody has it any more";
  EXPECT_THAT(names("sh"), ElementsAre("type=Shirts 3"));
}

TEST_F(WordsTest, CountsValuesOfAColumn) {
  const auto item = [&](const std::string& id, std::vector<Label> labels, std::vector<Label> attributes = {}) {
    Item made;
    made.id = id;
    made.labels = std::move(labels);
    made.attributes = std::move(attributes);
    put(made);
  };
  item("a", {{"colour", "blue"}, {"colour", "red"}});
  item("b", {{"colour", "red"}}, {{"colour", "red"}});
  item("c", {}, {{"colour", "azure"}});
  const auto counts = *catalog_->count_values("colour", {});
  ASSERT_EQ(counts.size(), 3U);
  EXPECT_EQ(counts[0].value, "red");
  EXPECT_EQ(counts[0].items, 2U) << "once an item";
  EXPECT_EQ(counts[1].value, "azure");
  EXPECT_EQ(counts[2].value, "blue");
  EXPECT_THAT(*catalog_->count_values("size", {}), IsEmpty());
}

TEST(OpenCatalog, GivesAnOlderCatalogItsWords) {
  const auto path = fresh_folder() / "catalog.db";
  {
    const auto database = Database::open(path, 1000);
    ASSERT_TRUE(migrate(**database, catalog_schema_steps().first(1)));
    ASSERT_TRUE((*database)->run_script(
        "INSERT INTO items (id, image_uri, image_hash, text, revision) VALUES"
        " ('15970', '/data/15970.jpg', 'ab', '大きな雪だるま', 1), ('b', '', '', NULL, 2);"
        "INSERT INTO item_values VALUES (1, 0, 'type', 'Shirts'), (1, 1, 'colour', 'Navy Blue');"));
  }
  const auto catalog = *open_catalog(path);
  const auto rows = [&](std::string_view query) {
    std::vector<ItemRow> all;
    const auto hits = catalog->find_words(keyword_query(query), 10, {});
    for (const WordHit& hit : *hits) all.push_back(hit.row);
    return all;
  };
  EXPECT_THAT(rows("だるま"), ElementsAre(1));
  EXPECT_THAT(rows("15970.jpg"), ElementsAre(1));
  EXPECT_THAT(rows("navy"), ElementsAre(1));
  EXPECT_THAT(rows("shirt"), ElementsAre(1));
  EXPECT_THAT(rows("b"), ElementsAre(2));
  EXPECT_EQ(catalog->suggest("navy", 10, {})->size(), 1U);
  EXPECT_THAT(*catalog->damages(), IsEmpty());
  const auto item = *catalog->find("15970");
  ASSERT_TRUE(item);
  EXPECT_EQ(item->original_uri, "");
  EXPECT_THAT(item->groups, IsEmpty());
  EXPECT_EQ(*catalog->last_revision(), 2);

  // What was migrated is what would be put: the same scores, also after the item was put once more.
  const auto before = *catalog->find_words(keyword_query("navy 雪だるま 15970"), 10, {});
  ASSERT_TRUE(catalog->begin_writing());
  ASSERT_TRUE(catalog->touch(1));
  Item other = *item;
  other.text = "x";
  ASSERT_TRUE(catalog->put(other));
  ASSERT_TRUE(catalog->put(*item));
  ASSERT_TRUE(catalog->end_writing());
  const auto after = *catalog->find_words(keyword_query("navy 雪だるま 15970"), 10, {});
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].score, before[0].score);
}

}  // namespace
}  // namespace warifu
