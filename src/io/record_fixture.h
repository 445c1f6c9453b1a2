#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"
#include "io/record.h"

namespace warifu {

// A folder of one's own for a test of record readers, removed afterwards.
class RecordFixture : public testing::Test {
 protected:
  ~RecordFixture() override { std::filesystem::remove_all(folder_); }

  const std::filesystem::path& folder() const { return folder_; }

  std::filesystem::path save(const std::string& name, std::string_view content) const {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    EXPECT_TRUE(write_file_atomically(path, content));
    return path;
  }

  std::filesystem::path save_compressed(const std::string& name, std::string_view content) const {
    const auto path = folder_ / name;
    const gzFile file = ::gzopen(path.c_str(), "wb");
    EXPECT_EQ(::gzwrite(file, content.data(), static_cast<unsigned>(content.size())), static_cast<int>(content.size()));
    EXPECT_EQ(::gzclose(file), Z_OK);
    return path;
  }

  static std::vector<RecordOrRejection> read_all(const std::filesystem::path& path, const SourceOptions& options) {
    std::vector<RecordOrRejection> entries;
    auto reader = open_records(path, options);
    if (!reader) {
      ADD_FAILURE() << reader.error().message;
      return entries;
    }
    while (auto entry = (*reader)->next()) entries.push_back(std::move(*entry));
    return entries;
  }

 private:
  std::filesystem::path folder_ = fresh_folder();
};

}  // namespace warifu
