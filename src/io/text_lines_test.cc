#include "io/text_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/record_fixture.h"
#include "io/utf8.h"

namespace warifu {
namespace {

class Lines : public RecordFixture {
 protected:
  std::vector<std::string> read(std::string_view text, std::size_t limit) {
    auto lines = TextLines::open(save("lines.txt", text), limit);
    std::vector<std::string> found;
    TextLine line;
    while (lines->next(line).value()) {
      EXPECT_EQ(line.number, found.size() + 1);
      found.push_back(line.too_long ? "<too long>" : std::string(line.text));
    }
    return found;
  }
};

TEST_F(Lines, EndInOneOrTwoCharactersOrWithTheFile) {
  EXPECT_THAT(read("a\r\n\nb\rc\nlast", 100), testing::ElementsAre("a", "", "b\rc", "last"));
  EXPECT_THAT(read("", 100), testing::ElementsAre());
  EXPECT_THAT(read("\n", 100), testing::ElementsAre(""));
  EXPECT_THAT(read("\xEF\xBB\xBFx\n\xEF\xBB\xBFy", 100), testing::ElementsAre("x", "\xEF\xBB\xBFy"));
}

TEST_F(Lines, LongerThanTheLimitAreSkippedWhereverTheChunksPart) {
  for (const std::size_t length : {10UL, 11UL, 262143UL, 262144UL, 262145UL, 600000UL}) {
    const std::string line(length, 'x');
    const auto shown = length > 10 ? "<too long>" : line;
    EXPECT_THAT(read("a\n" + line + "\nb\n" + line, 10), testing::ElementsAre("a", shown, "b", shown)) << length;
    EXPECT_THAT(read(line + "\n" + line, 600000), testing::ElementsAre(line, line)) << length;
  }
}

TEST(Utf8, FollowsTheTableOfTheStandard) {
  for (const std::string_view good : {"", "ascii only", "é", "割符", "\xF0\x9F\x91\x9F", "\xF4\x8F\xBF\xBF",
                                      "\xED\x9F\xBF", "\xEE\x80\x80", "eight by\xC3\xA9"})
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  for (const std::string_view bad :
       {"\x80", "\xC3", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xE3\x81", "12345678\xFF", "\xF0\x9F\x91", "\xFF"})
    EXPECT_FALSE(is_valid_utf8(bad));
}

}  // namespace
}  // namespace warifu
