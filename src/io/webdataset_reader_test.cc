#include "io/webdataset_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

namespace warifu {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Member {
  std::string name;
  std::string content;
};

// What a reader gave, one line a record or rejection.
struct Given {
  std::vector<Record> records;
  std::vector<Rejection> rejections;
  std::string order;  // 'r' for a record, 'x' for a rejection
};

class Webdataset : public testing::Test {
 protected:
  Webdataset() { fs::create_directories(folder_); }
  ~Webdataset() override { fs::remove_all(folder_); }

  fs::path pack(const std::string& name, const std::vector<Member>& members, int filter = ARCHIVE_FILTER_NONE,
                int format = ARCHIVE_FORMAT_TAR_USTAR) const {
    archive* out = archive_write_new();
    archive_write_add_filter(out, filter);
    archive_write_set_format(out, format);
    EXPECT_EQ(archive_write_open_filename(out, (folder_ / name).c_str()), ARCHIVE_OK);
    for (const Member& member : members) {
      archive_entry* entry = archive_entry_new();
      archive_entry_set_pathname(entry, member.name.c_str());
      archive_entry_set_filetype(entry, AE_IFREG);
      archive_entry_set_perm(entry, 0644);
      archive_entry_set_size(entry, static_cast<la_int64_t>(member.content.size()));
      EXPECT_GE(archive_write_header(out, entry), ARCHIVE_WARN) << archive_error_string(out);
      archive_write_data(out, member.content.data(), member.content.size());
      archive_entry_free(entry);
    }
    archive_write_free(out);
    return folder_ / name;
  }

  std::string content(const fs::path& path) const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  fs::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  static Given read(const fs::path& path) {
    Given given;
    auto reader = open_webdataset(path, {});
    EXPECT_TRUE(reader) << reader.error().message;
    if (!reader) return given;
    while (auto entry = (*reader)->next()) {
      given.order += *entry ? 'r' : 'x';
      if (*entry)
        given.records.push_back(std::move(**entry));
      else
        given.rejections.push_back(std::move(entry->error()));
    }
    return given;
  }

  static std::string picture(const Record& record) {
    return {reinterpret_cast<const char*>(record.image_bytes.data()), record.image_bytes.size()};
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / ("warifu_webdataset_" + std::to_string(getpid()));
};

TEST_F(Webdataset, NeighboursOfOneNameAreOneItem) {
  const auto path = pack("a.tar", {{"0001.jpg", "JPEG bytes"},
                                   {"0001.txt", "a red shirt\n"},
                                   {"0001.json", R"({"labels": ["Shirts", "Red"], "width": 20})"},
                                   {"0002.txt", "a blue shoe"},
                                   {"0002.png", "PNG bytes"}});
  const Given given = read(path);
  ASSERT_EQ(given.order, "rr");
  const Record& first = given.records[0];
  EXPECT_EQ(first.id, "0001");
  EXPECT_EQ(first.place, "a.tar: 0001");
  EXPECT_EQ(picture(first), "JPEG bytes");
  EXPECT_EQ(first.image_uri, path.string() + "#0001.jpg");
  EXPECT_EQ(first.text, "a red shirt");
  EXPECT_THAT(first.labels, ElementsAre(Label{"label", "Shirts"}, Label{"label", "Red"}));
  EXPECT_THAT(first.attributes, ElementsAre(Label{"width", "20"}));
  EXPECT_EQ(given.records[1].id, "0002");
  EXPECT_EQ(picture(given.records[1]), "PNG bytes");
  EXPECT_EQ(given.records[1].text, "a blue shoe");
}

TEST_F(Webdataset, EveryCompressionGivesTheSameItems) {
  for (const auto& [name, filter] : {std::pair{"a.tar", ARCHIVE_FILTER_NONE},
                                     {"a.tar.gz", ARCHIVE_FILTER_GZIP},
                                     {"a.tgz", ARCHIVE_FILTER_GZIP},
                                     {"a.tar.zst", ARCHIVE_FILTER_ZSTD},
                                     {"a.tar.xz", ARCHIVE_FILTER_XZ}}) {
    const Given given = read(pack(name, {{"x.jpg", std::string(100000, 'p')}, {"x.txt", "words"}}, filter));
    ASSERT_EQ(given.order, "r") << name;
    EXPECT_EQ(given.records[0].image_bytes.size(), 100000U);
    EXPECT_EQ(given.records[0].text, "words");
  }
}

TEST_F(Webdataset, HowManyItemsThereAreIsToldOverAllArchives) {
  pack("a.tar", {{"1.txt", "one"}});
  pack("b.tar.gz", {{"2.txt", "two"}}, ARCHIVE_FILTER_GZIP);
  const auto reader = open_webdataset(folder_, {});
  ASSERT_TRUE(reader);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE((*reader)->next());
    EXPECT_EQ((*reader)->size_hint(), 2U);
  }
  EXPECT_FALSE((*reader)->next());
}

TEST_F(Webdataset, ATarOfOnlyPicturesIsFine) {
  const Given given =
      read(pack("a.tar", {{"images/1.jpg", "one"}, {"images/2.jpg", "two"}, {"./images/3.JPG", "three"}}));
  ASSERT_EQ(given.order, "rrr");
  EXPECT_EQ(given.records[0].id, "images/1");
  EXPECT_EQ(given.records[2].id, "images/3");
  EXPECT_FALSE(given.records[0].text);
}

TEST_F(Webdataset, JsonGivesIdTextAndLabelColumnsAndClsALabel) {
  const Given given =
      read(pack("a.tar", {{"1.jpg", "p"},
                          {"1.json", R"({"id": "item-7", "caption": "a cat", "labels": {"kind": "cat"}})"},
                          {"1.cls", "3\n"},
                          {"2.json", R"({"text": "from json"})"},
                          {"2.txt", "from txt"}}));
  ASSERT_EQ(given.order, "rr");
  EXPECT_EQ(given.records[0].id, "item-7");
  EXPECT_EQ(given.records[0].text, "a cat");
  EXPECT_THAT(given.records[0].labels, ElementsAre(Label{"kind", "cat"}, Label{"cls", "3"}));
  EXPECT_THAT(given.records[0].attributes, IsEmpty());
  EXPECT_EQ(given.records[1].text, "from txt");
}

TEST_F(Webdataset, TheNameEndsAtTheFirstDot) {
  const Given given = read(pack(
      "a.tar",
      {{"d.x/1.seg.png", "mask"}, {"d.x/1.jpg", "photo"}, {"d.x/1.depth.bin", "?"}, {"d.x/2.seg.png", "mask alone"}}));
  ASSERT_EQ(given.order, "rr");
  EXPECT_EQ(given.records[0].id, "d.x/1");
  EXPECT_EQ(picture(given.records[0]), "photo");
  EXPECT_EQ(picture(given.records[1]), "mask alone");
}

TEST_F(Webdataset, HiddenAndMetaMembersArePassedOver) {
  const Given given = read(
      pack("a.tar",
           {{"__index__.json", "{}"}, {"._1.jpg", "mac"}, {"README", "hello"}, {".hidden.txt", "no"}, {"1.jpg", "p"}}));
  EXPECT_EQ(given.order, "r");
}

TEST_F(Webdataset, TraversalNamesAreOnlyNames) {
  const Given given = read(pack("a.tar", {{"../../../tmp/evil.jpg", "p"}, {"/etc/passwd.txt", "words"}}));
  ASSERT_EQ(given.order, "rr");
  EXPECT_EQ(given.records[0].id, "../../../tmp/evil");
  EXPECT_EQ(given.records[1].text, "words");
  EXPECT_THAT(std::vector(fs::directory_iterator(folder_), {}), testing::SizeIs(1));  // only a.tar
}

TEST_F(Webdataset, JapaneseNamesComeThroughInEveryTarDialect) {
  for (const int format : {ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE}) {
    const std::string name = "図面/割符 " + std::string(40, 'x');
    const Given given = read(pack("a.tar", {{name + ".txt", "木の割符"}}, ARCHIVE_FILTER_NONE, format));
    ASSERT_EQ(given.order, "r") << format;
    EXPECT_EQ(given.records[0].id, name);
    EXPECT_EQ(given.records[0].text, "木の割符");
  }
}

TEST_F(Webdataset, AFolderOfShardsOpensInTheOrderOfNames) {
  pack("00002.tar", {{"c.txt", "3"}});
  pack("00000.tar", {{"a.txt", "1"}});
  pack("00001.tar.gz", {{"b.txt", "2"}}, ARCHIVE_FILTER_GZIP);
  write("00000_stats.json", "{}");
  const Given given = read(folder_);
  ASSERT_EQ(given.order, "rrr");
  EXPECT_EQ(given.records[0].id, "a");
  EXPECT_EQ(given.records[1].id, "b");
  EXPECT_EQ(given.records[2].id, "c");
}

TEST_F(Webdataset, OneBrokenItemIsARejectionAndTheRunGoesOn) {
  const Given given = read(pack("a.tar", {{"1.txt", "good"},
                                          {"2.jpg", "p"},
                                          {"2.txt", "bad \xFF\xFE"},
                                          {"2.cls", "1"},
                                          {"3.json", "{\"text\": "},
                                          {"4.txt", "x"},
                                          {"4.txt", "y"},
                                          {"5.npy", "z"},
                                          {"6.txt", "good"}}));
  ASSERT_EQ(given.order, "rxxxxr");
  EXPECT_EQ(given.rejections[0].place, "a.tar: 2");
  EXPECT_EQ(given.rejections[0].reason, "2.txt: is not UTF-8");
  EXPECT_EQ(given.rejections[1].place, "a.tar: 3");
  EXPECT_EQ(given.rejections[2].reason, "4.txt: a second one in the same item");
  EXPECT_EQ(given.rejections[3].reason, "neither a picture nor a text among its members");
}

TEST_F(Webdataset, AMemberOverTheLimitIsARejection) {
  const Given given = read(pack("a.tar.gz", {{"1.txt", std::string((std::size_t{16} << 20) + 1, 'a')}, {"2.txt", "b"}},
                                ARCHIVE_FILTER_GZIP));
  ASSERT_EQ(given.order, "xr");
  EXPECT_THAT(given.rejections[0].reason, HasSubstr("larger than the limit of 16777216 bytes"));
}

TEST_F(Webdataset, TheGoodPartOfATruncatedArchiveIsDelivered) {
  for (const int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ}) {
    std::vector<Member> members;
    std::uint32_t state = 1;
    for (int i = 0; i < 20; ++i) {
      std::string noise(20000, '\0');
      for (char& c : noise) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
      members.push_back({std::to_string(100 + i) + ".jpg", noise});
    }
    const std::string whole = content(pack("whole.tar", members, filter));
    const Given given = read(write("cut.tar", whole.substr(0, whole.size() * 6 / 10)));
    ASSERT_GE(given.records.size(), 5U) << filter;
    EXPECT_EQ(given.order, std::string(given.records.size(), 'r') + "x") << filter;
    for (std::size_t i = 0; i < given.records.size(); ++i) EXPECT_EQ(picture(given.records[i]), members[i].content);
    EXPECT_THAT(given.rejections.back().place, HasSubstr("cut.tar: " + std::to_string(100 + given.records.size())));
  }
}

TEST_F(Webdataset, ADamagedHeaderCostsOnlyWhatIsBehindIt) {
  std::string bytes = content(pack("a.tar", {{"1.txt", "one"}, {"2.txt", "two"}, {"3.txt", "three"}}));
  std::fill_n(bytes.begin() + 1024, 100, 'z');  // the header of 2.txt
  const Given given = read(write("b.tar", bytes));
  EXPECT_EQ(given.order, "rxr");
  EXPECT_EQ(given.rejections[0].place, "b.tar: behind 1.txt");
  EXPECT_EQ(given.records[1].id, "3");
}

TEST_F(Webdataset, ABrokenShardDoesNotStopTheOthers) {
  write("0.tar", "this is no tar archive");
  pack("1.tar", {{"a.txt", "1"}});
  write("2.tar", "nor is this");
  pack("3.tar", {{"b.txt", "2"}});
  const Given given = read(folder_);
  EXPECT_EQ(given.order, "xrxr");
  EXPECT_EQ(given.rejections[0].place, "0.tar");
  EXPECT_EQ(given.rejections[1].place, "2.tar");
}

TEST_F(Webdataset, AHardLinkIsARejectionWithAHint) {
  archive* out = archive_write_new();
  archive_write_set_format_ustar(out);
  archive_write_open_filename(out, (folder_ / "a.tar").c_str());
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, "2.jpg");
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_hardlink(entry, "1.jpg");
  archive_write_header(out, entry);
  archive_entry_free(entry);
  archive_write_free(out);
  const Given given = read(folder_ / "a.tar");
  ASSERT_EQ(given.order, "x");
  EXPECT_THAT(given.rejections[0].hint, HasSubstr("--hard-dereference"));
}

TEST_F(Webdataset, AnEmptyArchiveHasNoItems) { EXPECT_EQ(read(pack("a.tar", {})).order, ""); }

TEST_F(Webdataset, WhatIsNoArchiveIsRefusedWhenOpened) {
  for (const auto& path :
       {write("a.tar", "plain words"), write("b.tar", ""), write("c.tar.gz", "\x1F\x8B\x08 broken")}) {
    const auto opened = open_webdataset(path, {});
    ASSERT_FALSE(opened) << path;
    EXPECT_EQ(opened.error().code, ErrorCode::kBadFormat);
    EXPECT_THAT(opened.error().message, HasSubstr(path.string()));
  }
  EXPECT_EQ(open_webdataset(folder_ / "missing.tar", {}).error().code, ErrorCode::kNotFound);
  fs::create_directory(folder_ / "none");
  EXPECT_EQ(open_webdataset(folder_ / "none", {}).error().code, ErrorCode::kBadFormat);
}

TEST_F(Webdataset, IsDetectedByNameByContentAndAsAFolderOfShards) {
  const auto tar = pack("a.tar.gz", {{"1.txt", "one"}}, ARCHIVE_FILTER_GZIP);
  EXPECT_EQ(*detect_format(tar), "webdataset");
  EXPECT_EQ(*detect_format(folder_), "webdataset");
  fs::rename(tar, folder_ / "unnamed");
  EXPECT_EQ(*detect_format(folder_ / "unnamed"), "webdataset");
  pack("backup.tar", {});
  write("photo.jpg", "p");
  EXPECT_EQ(*detect_format(folder_), "folder");  // a folder of pictures with an archive beside them
  const auto records = open_records(folder_ / "unnamed", {});
  ASSERT_TRUE(records);
  EXPECT_EQ((**(*records)->next()).text, "one");
}

TEST(IsTarName, KnowsTheUsualEndings) {
  for (const char* name : {"a.tar", "A.TAR", "a.tar.gz", "a.tgz", "a.tar.zst", "a.tar.xz"})
    EXPECT_TRUE(is_tar_name(name));
  for (const char* name : {"a.zip", "tar", "a.tar.txt", ".tar"}) EXPECT_FALSE(is_tar_name(name)) << name;
}

}  // namespace
}  // namespace warifu
