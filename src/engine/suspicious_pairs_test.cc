#include "engine/suspicious_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace warifu {
namespace {

using testing::ElementsAre;

TEST(SuspiciousPairs, AreListedTheLeastLikelyFirstWithPictureAndText) {
  const auto item = [](std::string id, std::string picture, std::optional<std::string> text) {
    Item made;
    made.id = std::move(id);
    made.image_uri = std::move(picture);
    made.text = std::move(text);
    return made;
  };
  const std::vector<Item> items = {item("sure", "/p/0.jpg", "fine"), item("b,1", "/p/1.jpg", "says \"no\""),
                                   item("c", "", "軸受"), item("d", "/p/3.jpg", "=1+1")};
  const std::vector<float> clean = {0.5F, 0.25F, 0.0F, 0.25F};
  const auto path = std::filesystem::path(testing::TempDir()) / "suspicious-pairs.csv";
  const auto listed = write_suspicious_pairs(path, items, clean);
  ASSERT_TRUE(listed.has_value()) << listed.error().message;
  EXPECT_THAT(*listed, ElementsAre(2, 1, 3));
  EXPECT_EQ(read_text_file(path, 1 << 20).value(),
            "\xEF\xBB\xBFid,clean_probability,image,text\r\n"
            "c,0,,軸受\r\n"
            "\"b,1\",0.25,/p/1.jpg,\"says \"\"no\"\"\"\r\n"
            "d,0.25,/p/3.jpg,'=1+1\r\n");
}

TEST(SuspiciousPairs, SayWhenTheListCannotBeWritten) {
  const auto listed = write_suspicious_pairs("/nowhere/at/all.csv", {}, {});
  ASSERT_FALSE(listed.has_value());
  EXPECT_THAT(listed.error().message, testing::HasSubstr("/nowhere/at/all.csv"));
}

}  // namespace
}  // namespace warifu
