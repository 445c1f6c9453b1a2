#include "io/split_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/record_fixture.h"

namespace warifu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class Splits : public RecordFixture {};

TEST_F(Splits, EachTextFileIsASplitOfOneIdALine) {
  save("query.txt",
       "\xEF\xBB\xBF"
       "1\r\n\r\n 割符 01 \r\n");
  save("train.txt", "b\na\nb\n");
  save("empty.txt", "");
  save("README.md", "not a split");
  save(".hidden.txt", "x");
  const auto splits = read_splits(folder());
  ASSERT_TRUE(splits) << splits.error().message;
  EXPECT_THAT(*splits, ElementsAre(Pair("empty", IsEmpty()), Pair("query", ElementsAre("1", "割符 01")),
                                   Pair("train", ElementsAre("b", "a"))));
}

TEST_F(Splits, WhatIsNotASplitFolderIsRefusedWithAHint) {
  EXPECT_EQ(read_splits(folder()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_splits(folder() / "none").error().code, ErrorCode::kNotFound);
  const auto file = save("query.txt", "1\n\xFF\n");
  EXPECT_EQ(read_splits(file).error().code, ErrorCode::kNotFound);
  const auto bad = read_splits(folder());
  EXPECT_EQ(bad.error().code, ErrorCode::kBadFormat);
  EXPECT_THAT(bad.error().message, HasSubstr("query.txt:2: is not UTF-8"));
  save("query.txt", "1\n2\n" + std::string(100000, 'x'));
  EXPECT_THAT(read_splits(folder()).error().message, HasSubstr("query.txt:3: a line of more than 64 KiB"));
}

}  // namespace
}  // namespace warifu
