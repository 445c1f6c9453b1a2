#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "engine/ingest.h"
#include "engine/workspace.h"
#include "io/image_file.h"

namespace warifu {

// A fresh folder for one test, with a workspace in it; removed afterwards. For tests of this room.
class TemporaryWorkspace : public testing::Test {
 protected:
  TemporaryWorkspace() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) /
              (std::string("warifu-") + test->name() + "-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~TemporaryWorkspace() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(std::string_view name, std::string_view text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    EXPECT_TRUE(write_file_atomically(folder_ / name, text));
    return folder_ / name;
  }

  // A plain 16 x 16 picture of one colour.
  std::filesystem::path write_picture(std::string_view name, std::uint8_t red, std::uint8_t green,
                                      std::uint8_t blue) const {
    Image image{16, 16, {}};
    for (int i = 0; i < 16 * 16; ++i) image.rgb.insert(image.rgb.end(), {red, green, blue});
    const auto png = encode_png(image);
    EXPECT_TRUE(png);
    std::filesystem::create_directories((folder_ / name).parent_path());
    EXPECT_TRUE(write_file_atomically(folder_ / name, *png));
    return folder_ / name;
  }

  Workspace open() const {
    auto workspace = Workspace::create_or_open(folder_ / "workspace");
    EXPECT_TRUE(workspace);
    return std::move(*workspace);
  }

  std::filesystem::path folder_;
  SilentProgress quiet_;
};

}  // namespace warifu
