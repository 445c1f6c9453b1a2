#include "io/text_image.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace warifu {
namespace {

TEST(DrawText, PutsInkOnWhiteWithinItsBox) {
  const auto image = draw_text("red & <b>shirt</b> 赤いシャツ", 120, 30, 10);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_LE(image->width, 120);
  EXPECT_LE(image->height, 30);
  EXPECT_EQ(image->rgb.size(), static_cast<std::size_t>(image->width) * static_cast<std::size_t>(image->height) * 3);
  EXPECT_LT(*std::ranges::min_element(image->rgb), 64);
  EXPECT_EQ(*std::ranges::max_element(image->rgb), 255);
}

TEST(DrawText, RefusesNothingAndNoRoom) {
  EXPECT_EQ(draw_text("", 10, 10, 10).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(draw_text("a", 0, 10, 10).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace warifu
