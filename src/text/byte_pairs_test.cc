#include "text/byte_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <map>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"
#include "base/rng.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<BytePairs> load_text(std::string_view text, std::size_t max_merges = 1000) {
  const auto path = fresh_folder() / "merges.txt";
  EXPECT_TRUE(write_file_atomically(path, text));
  return BytePairs::load(path, max_merges);
}

std::vector<std::int32_t> encode(const BytePairs& pairs, std::string_view word) {
  std::vector<std::int32_t> ids;
  pairs.encode_word(word, ids);
  return ids;
}

// '!' is byte symbol 0, so 'a' is 64, 'b' 65, 'c' 66; at a word's end 256 more.
constexpr std::string_view kMerges = "title\na b\nab c</w>\na b</w>\n";

TEST(BytePairs, JoinsByRankAndMarksTheEndOfTheWord) {
  const auto pairs = load_text(kMerges);
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->vocabulary_size(), 512U + 3 + 2);
  EXPECT_EQ(pairs->start_token(), 515);
  EXPECT_EQ(pairs->end_token(), 516);
  EXPECT_THAT(encode(*pairs, "abc"), ElementsAre(513));
  EXPECT_THAT(encode(*pairs, "ab"), ElementsAre(514));
  EXPECT_THAT(encode(*pairs, "abab"), ElementsAre(512, 514));
  EXPECT_THAT(encode(*pairs, "cba"), ElementsAre(66, 65, 64 + 256));
  EXPECT_THAT(encode(*pairs, ""), ElementsAre());
}

TEST(BytePairs, NumbersPrintableBytesFirst) {
  const auto pairs = load_text(kMerges);
  ASSERT_TRUE(pairs);
  EXPECT_THAT(encode(*pairs, "!"), ElementsAre(256));
  EXPECT_THAT(encode(*pairs, "~"), ElementsAre(93 + 256));
  EXPECT_THAT(encode(*pairs, "\xC2\xA1"), ElementsAre(94 + 12 + 20, 94 + 256)) << "C2 after A1 … AC, AE … C1";
  EXPECT_THAT(encode(*pairs, std::string_view("\0", 1)), ElementsAre(188 + 256));
  EXPECT_THAT(encode(*pairs, "\xAD"), ElementsAre(255 + 256));
}

TEST(BytePairs, UsesOnlyTheFirstMerges) {
  const auto pairs = load_text(kMerges, 1);
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->vocabulary_size(), 512U + 1 + 2);
  EXPECT_THAT(encode(*pairs, "abc"), ElementsAre(512, 66 + 256));
}

TEST(BytePairs, ReadsGzipAndPlainAlike) {
  const auto folder = fresh_folder();
  ASSERT_TRUE(write_file_atomically(folder / "m.txt", kMerges));
  gzFile out = gzopen((folder / "m.gz").c_str(), "wb");
  ASSERT_EQ(gzwrite(out, kMerges.data(), static_cast<unsigned>(kMerges.size())), static_cast<int>(kMerges.size()));
  ASSERT_EQ(gzclose(out), Z_OK);
  const auto plain = BytePairs::load(folder / "m.txt", 10);
  const auto packed = BytePairs::load(folder / "m.gz", 10);
  ASSERT_TRUE(plain && packed);
  EXPECT_EQ(plain->content_hash(), packed->content_hash());
  EXPECT_EQ(encode(*plain, "abcab"), encode(*packed, "abcab"));

  auto bytes = read_text_file(folder / "m.gz", 1000);
  ASSERT_TRUE(bytes);
  for (std::size_t size = 3; size < bytes->size(); ++size) {  // shorter than the magic is plain text
    ASSERT_TRUE(write_file_atomically(folder / "cut.gz", bytes->substr(0, size)));
    const auto cut = BytePairs::load(folder / "cut.gz", 10);
    ASSERT_FALSE(cut) << size << " of " << bytes->size();
    EXPECT_EQ(cut.error().code, ErrorCode::kBadFormat) << size;
  }
}

TEST(BytePairs, NamesTheLineOfADamagedFile) {
  const auto message = [](std::string_view text) {
    const auto pairs = load_text(text);
    EXPECT_FALSE(pairs);
    if (pairs) return std::string();
    EXPECT_EQ(pairs.error().code, ErrorCode::kBadFormat);
    return pairs.error().message;
  };
  EXPECT_THAT(message("title\na b\nabc\n"), HasSubstr("merges.txt: line 3"));
  EXPECT_THAT(message("title\na b c\n"), HasSubstr("line 2"));
  EXPECT_THAT(message("title\na b\n\n"), HasSubstr("line 3"));
  EXPECT_THAT(message("title\na b\nxy z\n"), HasSubstr("line 3: joins a symbol that nothing makes"));
  EXPECT_THAT(message("title\na \xFF\n"), HasSubstr("line 2"));
  EXPECT_THAT(message("title\n"), HasSubstr("no merge"));
  EXPECT_THAT(message("title"), HasSubstr("no merge"));
  EXPECT_THAT(message(""), HasSubstr("no merge"));
  EXPECT_EQ(BytePairs::load(fresh_folder() / "x", 1).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(BytePairs::load(fresh_folder(), 1).error().code, ErrorCode::kInvalidArgument);
}

// The reference's loop: find the best pair of the word, join it everywhere, again.
std::vector<std::string> plain_encode(const std::map<std::pair<std::string, std::string>, std::size_t>& ranks,
                                      std::string_view word) {
  std::vector<std::string> parts;
  for (const char c : word) parts.emplace_back(1, c);
  parts.back() += "</w>";
  for (;;) {
    auto best = ranks.end();
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto at = ranks.find({parts[i], parts[i + 1]});
      if (at != ranks.end() && (best == ranks.end() || at->second < best->second)) best = at;
    }
    if (best == ranks.end()) return parts;
    std::vector<std::string> joined;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i + 1 < parts.size() && parts[i] == best->first.first && parts[i + 1] == best->first.second) {
        joined.push_back(parts[i] + parts[i + 1]);
        ++i;
      } else {
        joined.push_back(parts[i]);
      }
    }
    parts = std::move(joined);
  }
}

TEST(BytePairs, AgreeWithThePlainLoopOnRandomVocabularies) {
  Rng rng(5);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> symbols = {"a", "b", "c", "a</w>", "b</w>", "c</w>"};
    std::map<std::pair<std::string, std::string>, std::size_t> ranks;
    std::map<std::string, std::int32_t> ids = {{"a", 64},           {"b", 65},           {"c", 66},
                                               {"a</w>", 64 + 256}, {"b</w>", 65 + 256}, {"c</w>", 66 + 256}};
    std::string text = "title\n";
    for (std::size_t i = 0; i < 30; ++i) {  // repeated results and repeated pairs are wanted here
      std::string left;
      do left = symbols[rng.below(symbols.size())];
      while (left.ends_with("</w>"));
      const std::string right = symbols[rng.below(symbols.size())];
      symbols.push_back(left + right);
      ranks[{left, right}] = i;
      ids[left + right] = static_cast<std::int32_t>(512 + i);
      text += left + " " + right + "\n";
    }
    const auto pairs = load_text(text);
    ASSERT_TRUE(pairs) << pairs.error().message;
    for (int trial = 0; trial < 50; ++trial) {
      std::string word;
      for (std::uint64_t i = 0, n = 1 + rng.below(40); i < n; ++i) word += static_cast<char>('a' + rng.below(3));
      std::vector<std::int32_t> expected;
      for (const std::string& part : plain_encode(ranks, word)) expected.push_back(ids.at(part));
      ASSERT_EQ(encode(*pairs, word), expected) << text << word;
    }
  }
}

TEST(BytePairs, TakeAWordOfAMillionBytes) {
  const auto pairs = load_text("title\na a\naa aa\naaaa aaaa\n");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(encode(*pairs, std::string(1000000, 'a')).size(), 124999U + 4) << "then aaaa, aa, a and the last a";
}

}  // namespace
}  // namespace warifu
