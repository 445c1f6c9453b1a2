#include "index/make_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warifu {
namespace {

CodeSegment two_codes() {
  CodeSegment segment;
  segment.space = {"contrastive", "contrastive", "f00d", 16, 1};
  segment.rows = {1, 2};
  segment.codes = CodeMatrix(2, 16, {0b1, 0b111});
  return segment;
}

TEST(MakeIndex, MakesEveryKindItLists) {
  ASSERT_FALSE(index_kinds().empty());
  for (const std::string_view kind : index_kinds()) {
    const auto index = make_index(kind, two_codes());
    ASSERT_TRUE(index) << kind;
    const auto hits = (*index)->search(two_codes().space, std::vector<std::uint64_t>{0b111}, 1, RowFilter());
    ASSERT_TRUE(hits) << kind;
    EXPECT_EQ(*hits, (std::vector<Hit>{{2, 0}})) << kind;
  }
}

TEST(MakeIndex, NamesTheKnownKindsWhenAskedForAnother) {
  const auto index = make_index("mhi", two_codes());
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(index.error().message, "no index is called 'mhi'");
  EXPECT_THAT(index.error().hint, testing::StartsWith("known indexes: flat"));
}

}  // namespace
}  // namespace warifu
