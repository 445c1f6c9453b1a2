#include "io/mat_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

using testing::HasSubstr;

MatVariable numbers(std::string name, std::uint64_t rows, std::uint64_t columns, std::string file = "data.mat") {
  return {std::move(name), std::move(file), MatKind::kNumbers, false, {rows, columns}};
}
MatVariable cells(std::string name, std::uint64_t rows, std::string file = "data.mat") {
  return {std::move(name), std::move(file), MatKind::kCells, false, {rows, 1}};
}
MatVariable characters(std::string name, std::uint64_t rows, std::string file = "data.mat") {
  return {std::move(name), std::move(file), MatKind::kCharacters, false, {rows, 30}};
}

TEST(MatLayout, KnowsTheNamesOfDcmh) {
  MatVariable pixels = numbers("images", 0, 0);
  pixels.dims = {224, 224, 3, 50};
  pixels.is_small_integer = true;
  const std::vector<MatVariable> variables = {pixels, numbers("YAll", 50, 1386), numbers("LAll", 50, 24)};
  const auto layout = find_mat_layout(variables);
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->items, 50U);
  EXPECT_EQ(layout->pixels->name, "images");
  EXPECT_EQ(layout->text_features->name, "YAll");
  EXPECT_EQ(layout->labels->name, "LAll");
}

TEST(MatLayout, KnowsCaptionIndexLabel) {
  const std::vector<MatVariable> variables = {cells("caption", 9, "caption.mat"), characters("index", 9, "index.mat"),
                                              numbers("category", 9, 80, "label.mat")};
  const auto layout = find_mat_layout(variables);
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->texts->name, "caption");
  EXPECT_EQ(layout->names->name, "index");
  EXPECT_EQ(layout->labels->name, "category");
}

TEST(MatLayout, AsksTheFileNameWhereTheVariableSaysNothing) {
  const std::vector<MatVariable> variables = {numbers("data", 9, 24, "labelList.mat"),
                                              numbers("data", 9, 100, "tagList.mat"), cells("data", 9, "imgList.mat")};
  const auto layout = find_mat_layout(variables);
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->labels->columns(), 24U);
  EXPECT_EQ(layout->text_features->columns(), 100U);
  EXPECT_TRUE(layout->names);
}

TEST(MatLayout, AsksTheTypeWhereNoNameSaysAnything) {
  MatVariable logical = numbers("a", 9, 24);
  logical.is_small_integer = true;
  const auto layout = find_mat_layout(std::vector{logical, cells("b", 9), numbers("c", 4, 4)});
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->labels->name, "a");
  EXPECT_EQ(layout->names->name, "b");
}

TEST(MatLayout, AListAsLongAsTheLabelMatrixIsWideNamesTheClasses) {
  for (const bool names_first : {false, true}) {
    std::vector<MatVariable> variables = {numbers("labels", 100, 3), cells("label_names", 3)};
    if (names_first) std::swap(variables[0], variables[1]);
    const auto layout = find_mat_layout(variables);
    ASSERT_TRUE(layout) << layout.error().message;
    EXPECT_EQ(layout->labels->name, "labels");
    EXPECT_EQ(layout->class_names->name, "label_names");
    EXPECT_EQ(layout->items, 100U);
  }
}

TEST(MatLayout, AVectorThatLiesHasARowForEachElement) {
  const auto layout = find_mat_layout(std::vector{numbers("labels", 1, 50), cells("images", 50)});
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->items, 50U);
  EXPECT_EQ(layout->labels->columns(), 1U);
}

TEST(MatLayout, RowCountsThatDifferAreAnErrorNamingBoth) {
  const auto layout =
      find_mat_layout(std::vector{numbers("LAll", 20015, 24, "labelList.mat"), cells("FAll", 20000, "imgList.mat")});
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, ErrorCode::kBadFormat);
  EXPECT_EQ(layout.error().message,
            "'FAll' (20000 x 1) in imgList.mat has 20000 items, 'LAll' (20015 x 24) in labelList.mat has 20015");
}

TEST(MatLayout, TwoVariablesForOnePartAreAnErrorNamingBoth) {
  const auto layout =
      find_mat_layout(std::vector{numbers("L_train", 9, 24), numbers("label_test", 9, 24), numbers("labels", 9, 24)});
  ASSERT_FALSE(layout);
  EXPECT_THAT(layout.error().message, HasSubstr("'label_test' (9 x 24) in data.mat and 'labels' (9 x 24)"));
}

TEST(MatLayout, ASetWithoutAnyPartListsWhatThereIs) {
  const auto layout = find_mat_layout(std::vector{numbers("a", 3, 4)});
  ASSERT_FALSE(layout);
  EXPECT_THAT(layout.error().message, HasSubstr("variables: 'a' (3 x 4) in data.mat"));
  EXPECT_THAT(find_mat_layout({}).error().message, HasSubstr("variables: none"));
}

}  // namespace
}  // namespace warifu
