#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"

namespace warifu {
namespace {

bool holds(const MappedFile& file, std::string_view text) {
  return std::ranges::equal(file.bytes(), std::as_bytes(std::span(text)));
}

TEST(MappedFile, ShowsTheBytesOfTheFile) {
  const auto path = fresh_folder() / "file";
  const std::string text(10'000, 'w');
  ASSERT_TRUE(write_file_atomically(path, text));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(holds(*file, text));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file->bytes().data()) % 4096, 0U);
  file->expect_whole_read();
  EXPECT_TRUE(holds(*file, text));
}

TEST(MappedFile, MayBeEmpty) {
  const auto path = fresh_folder() / "file";
  ASSERT_TRUE(write_file_atomically(path, std::string_view{}));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->bytes().empty());
  file->expect_whole_read();
}

TEST(MappedFile, KeepsTheFileThatWasReplacedOrRemoved) {
  const auto path = fresh_folder() / "file";
  ASSERT_TRUE(write_file_atomically(path, "the former"));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(write_file_atomically(path, "the new"));
  EXPECT_TRUE(holds(*file, "the former"));
  std::filesystem::remove(path);
  EXPECT_TRUE(holds(*file, "the former"));
}

TEST(MappedFile, CanBeMoved) {
  const auto folder = fresh_folder();
  ASSERT_TRUE(write_file_atomically(folder / "a", "a"));
  ASSERT_TRUE(write_file_atomically(folder / "b", "b"));
  MappedFile a = *MappedFile::open(folder / "a");
  MappedFile b = *MappedFile::open(folder / "b");
  a = std::move(b);
  EXPECT_TRUE(holds(a, "b"));
  const MappedFile c = std::move(a);
  EXPECT_TRUE(holds(c, "b"));
}

TEST(MappedFile, IsARegularFileOrAnErrorThatNamesIt) {
  const auto folder = fresh_folder();
  EXPECT_EQ(MappedFile::open(folder / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(MappedFile::open(folder).error().code, ErrorCode::kInvalidArgument);
  const auto pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto opened = MappedFile::open(pipe);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(opened.error().message.find("pipe: is no regular file"), std::string::npos);
}

}  // namespace
}  // namespace warifu
