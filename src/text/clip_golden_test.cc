// Nine difficult strings and their ids from the reference tokenizer with its full vocabulary.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

TEST(ClipTokenizer, GivesTheReferenceIdsForNineDifficultStrings) {
  const std::filesystem::path shared = WARIFU_SHARED_DIR;
  const auto cases = read_text_file(shared / "golden/clip_tiny/tokens.json", 1 << 20);
  const auto vocabulary = shared / "data/clip_vocab/bpe_simple_vocab_16e6.txt.gz";
  if (!cases || !std::filesystem::exists(vocabulary)) GTEST_SKIP() << "no reference data in " << shared;
  const auto tokenizer = load_clip_tokenizer(vocabulary);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->vocabulary_size(), 49408U);
  std::size_t seen = 0;
  for (const auto& one : nlohmann::json::parse(*cases)) {
    const auto ids = (*tokenizer)->encode(one.at("text").get<std::string>());
    EXPECT_EQ(ids, one.at("ids").get<std::vector<std::int32_t>>()) << one.at("text");
    EXPECT_EQ(pad_clip_tokens(ids, 77), one.at("padded77").get<std::vector<std::int32_t>>()) << one.at("text");
    ++seen;
  }
  EXPECT_EQ(seen, 9U);
}

}  // namespace
}  // namespace warifu
