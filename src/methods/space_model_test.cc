#include "methods/space_model.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "methods/synthetic_pairs_for_test.h"

namespace warifu {
namespace {

void write(const std::filesystem::path& path, std::string_view text) {
  ASSERT_TRUE(write_file_atomically(path, text).has_value());
}

std::string read(const std::filesystem::path& path) { return read_text_file(path, 1 << 20).value(); }

// A space whose text tower has a vocabulary outside its directory.
class SpaceModelTest : public testing::Test {
 protected:
  void SetUp() override {
    write(outside_ / "words.txt", "cat\ndog\n");
    write(directory_ / kWeightsFile, "weights");
    model_.method = "cca-itq";
    model_.space = "mine";
    model_.bits = {16, 64};
    model_.image = adopt_tower({"given", {}, {}}, "image", 24, directory_).value();
    model_.text = adopt_tower({"bow", {}, outside_ / "words.txt"}, "text", 2, directory_).value();
    ASSERT_TRUE(write_space_model(directory_, model_).has_value());
  }

  void replace_in_model_file(const std::string& from, const std::string& to) {
    std::string text = read(directory_ / kModelFile);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    write(directory_ / kModelFile, text.replace(at, from.size(), to));
  }

  ErrorCode read_error() {
    const auto model = read_space_model(directory_);
    EXPECT_FALSE(model.has_value());
    return model ? ErrorCode::kInternal : model.error().code;
  }

  std::filesystem::path outside_ = fresh_folder();
  std::filesystem::path directory_ = fresh_folder();
  SpaceModel model_;
};

TEST_F(SpaceModelTest, ComesBackAsWritten) {
  const auto read_back = read_space_model(directory_);
  ASSERT_TRUE(read_back.has_value()) << read_back.error().message;
  EXPECT_EQ(read_back->fingerprint, model_.fingerprint);
  EXPECT_EQ(read_back->text, model_.text);
  const auto spaces = read_back->code_spaces();
  ASSERT_EQ(spaces.size(), 2U);
  EXPECT_EQ(spaces[1], (CodeSpace{"mine", "cca-itq", model_.fingerprint, 64, 1}));
}

TEST_F(SpaceModelTest, KeepsHowManyPartsATowerGivesAndNeedsNotBeToldOfNone) {
  EXPECT_EQ(read(directory_ / kModelFile).find("parts"), std::string::npos);  // as files of before had it
  EXPECT_EQ(read_space_model(directory_)->text.parts, 0);
  SpaceModel other = model_;
  other.image = adopt_tower({"given", {}, {}, 3}, "image", 24, directory_).value();
  ASSERT_TRUE(write_space_model(directory_, other).has_value());
  EXPECT_NE(other.fingerprint, model_.fingerprint);
  const auto read_back = read_space_model(directory_);
  ASSERT_TRUE(read_back.has_value()) << read_back.error().message;
  EXPECT_EQ(read_back->image, other.image);
  EXPECT_EQ(tower_in(directory_, read_back->image).parts, 3);
  replace_in_model_file("\"parts\": 3", "\"parts\": 6");  // 24 features are not 7 times as many
  EXPECT_EQ(read_error(), ErrorCode::kBadFormat);
}

TEST_F(SpaceModelTest, NamesNoPathOutsideItsDirectory) {
  EXPECT_EQ(read(directory_ / kModelFile).find(outside_.string()), std::string::npos);
  const auto moved = fresh_folder() / "moved";
  std::filesystem::rename(directory_, moved);
  std::filesystem::remove_all(outside_);
  ASSERT_TRUE(read_space_model(moved).has_value());
  EXPECT_EQ(read(tower_in(moved, model_.text).vocabulary), "cat\ndog\n");
}

TEST_F(SpaceModelTest, HasAnotherFingerprintForOtherWeightsOrWords) {
  SpaceModel other = model_;
  write(directory_ / kWeightsFile, "other weights");
  ASSERT_TRUE(write_space_model(directory_, other).has_value());
  EXPECT_NE(other.fingerprint, model_.fingerprint);
  SpaceModel third = other;
  third.text.vocabulary_hash = "0";
  ASSERT_TRUE(write_space_model(directory_, third).has_value());
  EXPECT_NE(third.fingerprint, other.fingerprint);
}

TEST_F(SpaceModelTest, IsRefusedWhenAFileWasExchanged) {
  write(directory_ / model_.text.vocabulary, "cat\ncow\n");
  EXPECT_EQ(read_error(), ErrorCode::kIncompatible);
}

TEST_F(SpaceModelTest, IsRefusedWhenItsWeightsAreGone) {
  std::filesystem::remove(directory_ / kWeightsFile);
  EXPECT_EQ(read_error(), ErrorCode::kNotFound);
}

TEST_F(SpaceModelTest, IsRefusedWhenItIsOfALaterFormat) {
  replace_in_model_file("\"format_version\": 1", "\"format_version\": 2");
  EXPECT_EQ(read_error(), ErrorCode::kIncompatible);
}

TEST_F(SpaceModelTest, IsRefusedWhenItPointsOutside) {
  replace_in_model_file("\"text-vocabulary.txt\"", "\"../words.txt\"");
  EXPECT_EQ(read_error(), ErrorCode::kBadFormat);
}

TEST_F(SpaceModelTest, IsRefusedWhenItIsNoModel) {
  for (const char* text : {"", "{", "[]", "3", "{\"format\":\"warifu-space\"}", "{\"format\":\"other\"}"}) {
    write(directory_ / kModelFile, text);
    EXPECT_EQ(read_error(), ErrorCode::kBadFormat) << text;
  }
}

TEST_F(SpaceModelTest, IsRefusedWithImpossibleBits) {
  replace_in_model_file("16,", "99999999,");
  EXPECT_EQ(read_error(), ErrorCode::kBadFormat);
}

TEST(AdoptTower, SaysWhichFileIsMissing) {
  const auto tower = adopt_tower({"bow", {}, "/nowhere/words.txt"}, "text", 2, fresh_folder());
  ASSERT_FALSE(tower.has_value());
  EXPECT_EQ(tower.error().code, ErrorCode::kNotFound);
  EXPECT_NE(tower.error().message.find("/nowhere/words.txt"), std::string::npos);
}

}  // namespace
}  // namespace warifu
