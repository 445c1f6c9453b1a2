#include "text/unigram_model.h"

#include <gtest/gtest.h>
#include <sentencepiece_processor.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/rng.h"
#include "text/sentencepiece_ids.h"
#include "text/tokenizer.h"

namespace warifu {
namespace {

// A model of mixed English and Japanese, trained as the product does.
std::string trained_bytes() {
  static const std::string bytes = [] {
    std::vector<std::string> texts;
    const std::vector<std::string> colours{"red", "blue", "green", "赤い", "青い"};
    const std::vector<std::string> things{"shirt", "bearing", "flange bolt", "軸受", "図面", "running shoes"};
    for (const auto& colour : colours)
      for (const auto& thing : things)
        for (int i = 0; i < 3; ++i) texts.push_back(colour + " " + thing + " " + std::to_string(i));
    const auto path = std::filesystem::path(testing::TempDir()) / ("unigram-" + std::to_string(::getpid()));
    const auto trained = train_sentencepiece(texts, 400, path);
    EXPECT_TRUE(trained) << trained.error().message;
    const auto read = read_text_file(path, std::size_t{1} << 24);
    std::filesystem::remove(path);
    return read ? *read : std::string();
  }();
  return bytes;
}

TEST(UnigramModel, CutsAnyTextAsTheLibraryDoes) {
  const std::string bytes = trained_bytes();
  const auto model = UnigramModel::parse(bytes);
  ASSERT_TRUE(model) << model.error().message;
  sentencepiece::SentencePieceProcessor library;
  ASSERT_TRUE(library.LoadFromSerializedProto(bytes).ok());
  EXPECT_EQ(model->size(), static_cast<std::size_t>(library.GetPieceSize()));

  const std::vector<std::string> parts{"red", "shirt", " ", "赤い", "軸", "図面",    "x",
                                       "ß",   "漢",    "😀", "bol",  "12", "running", "-"};
  Rng rng(11);
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (std::uint64_t i = 0, count = rng.below(12); i < count; ++i) {
      const std::string& part = parts[rng.below(parts.size())];
      if (part == " " && (text.empty() || text.back() == ' ')) continue;  // texts come normalised
      text += part;
    }
    while (text.ends_with(' ')) text.pop_back();
    std::vector<int> wanted;
    ASSERT_TRUE(library.Encode(text, &wanted).ok());
    EXPECT_EQ(model->encode(text), std::vector<std::int32_t>(wanted.begin(), wanted.end())) << "'" << text << "'";
  }
}

TEST(UnigramModel, RefusesWhatIsCutOffOrNotAModel) {
  const std::string bytes = trained_bytes();
  EXPECT_EQ(UnigramModel::parse("").error().code, ErrorCode::kBadFormat);
  EXPECT_EQ(UnigramModel::parse("hello").error().code, ErrorCode::kBadFormat);
  std::size_t refused = 0;
  for (std::size_t length = 0; length < 2000 && length < bytes.size(); ++length)
    refused += UnigramModel::parse(std::string_view(bytes).substr(0, length)) ? 0 : 1;
  EXPECT_EQ(refused, std::min<std::size_t>(2000, bytes.size()));  // the 256 bytes alone are longer
}

TEST(UnigramModel, SurvivesAnyChangedByte) {
  const std::string bytes = trained_bytes();
  Rng rng(3);
  for (int round = 0; round < 2000; ++round) {
    std::string changed = bytes;
    for (int i = 0; i < 3; ++i) changed[rng.below(changed.size())] = static_cast<char>(rng.next());
    const auto model = UnigramModel::parse(changed);
    if (!model) continue;
    for (const std::int32_t id : model->encode("red 軸受 😀")) {
      EXPECT_GE(id, 0);
      EXPECT_LT(static_cast<std::size_t>(id), model->size());
    }
  }
}

}  // namespace
}  // namespace warifu
