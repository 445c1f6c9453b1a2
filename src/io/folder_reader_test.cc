#include "io/folder_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "io/record_fixture.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Folder : public RecordFixture {
 protected:
  std::vector<RecordOrRejection> read(const SourceOptions& options = {}) { return read_all(folder(), options); }

  static std::vector<std::string> ids_of(const std::vector<RecordOrRejection>& entries) {
    std::vector<std::string> ids;
    for (const auto& entry : entries) ids.push_back(entry ? entry->id : "rejected: " + entry.error().place);
    return ids;
  }
};

TEST_F(Folder, PicturesAreItemsWithTheFilesBesideThem) {
  save("b.JPG", "b");
  save("shirts/a.png", "a");
  save("shirts/a.txt", "\xEF\xBB\xBF a blue shirt\n");
  save("shirts/a.json", R"({"labels":{"type":"shirt"},"price":12,"text":"not this one"})");
  save("shirts/c.webp", "c");
  save("shirts/c.json", R"({"text":"from json","id":"sku-3"})");
  const auto entries = read();
  EXPECT_THAT(ids_of(entries), ElementsAre("b.JPG", "shirts/a.png", "sku-3"));
  EXPECT_EQ(entries[0]->image_uri, (folder() / "b.JPG").string());
  EXPECT_THAT(entries[0]->attributes, IsEmpty());
  EXPECT_EQ(entries[1]->text, "a blue shirt");
  EXPECT_THAT(entries[1]->labels, ElementsAre(Label{"type", "shirt"}));
  EXPECT_THAT(entries[1]->attributes, ElementsAre(Label{"price", "12"}, Label{"folder", "shirts"}));
  EXPECT_EQ(entries[2]->text, "from json");
  EXPECT_EQ(entries[2]->place, "shirts/c.webp");
}

TEST_F(Folder, ATextWithoutAPictureIsAnItemOfTextAlone) {
  save("notes/one.txt", "words");
  save("notes/two.json", R"({"text":"more words"})");
  save("empty.txt", "\n");
  save("package.json", R"({"name":"something else"})");
  save("broken.json", "{");
  save("manual.pdf", "%PDF");
  const auto entries = read();
  ASSERT_THAT(ids_of(entries), ElementsAre("notes/one.txt", "notes/two.json"));
  EXPECT_EQ(entries[0]->text, "words");
  EXPECT_THAT(entries[0]->image_uri, IsEmpty());
  EXPECT_EQ(entries[1]->text, "more words");
}

TEST_F(Folder, TheFirstFolderIsALabelOnlyWhenAskedFor) {
  save("cats/young/1.jpg", "1");
  SourceOptions options;
  options.label_columns = {"folder"};
  const auto entries = read(options);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_THAT(entries[0]->labels, ElementsAre(Label{"folder", "cats"}));
}

TEST_F(Folder, HiddenAndGeneratedFoldersAreSkipped) {
  for (const char* name : {".git/a.jpg", "node_modules/a.jpg", ".cache/a.jpg", "__pycache__/a.jpg", ".hidden.jpg"})
    save(name, "x");
  save("a.jpg", "x");
  EXPECT_THAT(ids_of(read()), ElementsAre("a.jpg"));
}

TEST_F(Folder, TheOrderIsThatOfTheNames) {
  for (const char* name : {"z.jpg", "b/2.jpg", "b/10.jpg", "a.jpg", "b.jpg", "割符.png"}) save(name, "x");
  EXPECT_THAT(ids_of(read()), ElementsAre("a.jpg", "b/10.jpg", "b/2.jpg", "b.jpg", "z.jpg", "割符.png"));
}

TEST_F(Folder, ALoopOfLinksIsWalkedOnce) {
  save("a/1.jpg", "x");
  std::filesystem::create_directory_symlink(folder(), folder() / "a" / "up");
  std::filesystem::create_directory_symlink(folder() / "a", folder() / "again");
  EXPECT_THAT(ids_of(read()), ElementsAre("a/1.jpg"));
}

TEST_F(Folder, WhatCannotBeReadIsRejectedAndTheRestIsRead) {
  std::filesystem::create_symlink(folder() / "nothing", folder() / "link.jpg");
  ASSERT_EQ(::mkfifo((folder() / "pipe.png").c_str(), 0600), 0);
  save("bad.jpg", "x");
  save("bad.json", "{\"labels\":");
  save("latin.jpg", "x");
  save("latin.txt", "caf\xE9");
  save("name\xFF.jpg", "x");
  save("good.jpg", "x");
  const auto entries = read();
  ASSERT_EQ(entries.size(), 6U);
  EXPECT_THAT(ids_of(entries), ElementsAre("rejected: bad.jpg", "good.jpg", "rejected: latin.jpg", "rejected: link.jpg",
                                           "rejected: name?.jpg", "rejected: pipe.png"));
  EXPECT_THAT(entries[0].error().reason, HasSubstr("bad.json: is not JSON"));
  EXPECT_THAT(entries[2].error().reason, HasSubstr("not UTF-8"));
  EXPECT_EQ(entries[5].error().reason, "is not a regular file");
}

TEST_F(Folder, AnEmptyFolderHasNoRecords) { EXPECT_THAT(read(), IsEmpty()); }

}  // namespace
}  // namespace warifu
