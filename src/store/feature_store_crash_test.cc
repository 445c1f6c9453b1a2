// What is left after a crash at any byte, and on a full disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"
#include "base/rng.h"
#include "store/feature_store.h"

namespace warifu {
namespace {

using Keys = std::vector<std::string>;

std::string key(std::size_t i) { return "key-" + std::to_string(i); }
FloatMatrix row(std::size_t i) {
  const auto v = static_cast<float>(i);
  return {1, 3, {v, v + 0.25F, v + 0.5F}};
}

Result<void> append_rows(FeatureStore& store, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i)
    if (auto done = store.append(Keys{key(i)}, row(i)); !done) return done;
  return store.flush();
}

// Every row the store speaks of has its own values; gives their number, which are the first ones.
std::size_t check_rows(const FeatureStore& store, std::size_t most) {
  std::size_t found = 0;
  while (found < most && store.contains(key(found))) ++found;
  EXPECT_EQ(store.rows(), found) << "no gaps and nothing else";
  for (std::size_t i = 0; i < found; ++i) {
    const auto features = store.gather(Keys{key(i)});
    EXPECT_TRUE(features);
    if (!features) return found;
    EXPECT_THAT(features->values(), testing::ElementsAreArray(row(i).values())) << i;
  }
  return found;
}

void put_files(const std::filesystem::path& base, std::string_view npy, std::string_view keys) {
  std::ofstream(base.string() + ".npy", std::ios::binary | std::ios::trunc) << npy;
  std::ofstream(base.string() + ".keys", std::ios::binary | std::ios::trunc) << keys;
}

// Whatever is left of the files, the store opens, holds the whole rows that both still have, and
// goes on from there.
void expect_recovers(const std::filesystem::path& base, std::string_view npy, std::string_view keys,
                     std::size_t expected) {
  put_files(base, npy, keys);
  {
    const auto store = open_feature_store(base);
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_EQ(check_rows(**store, 100), expected) << npy.size() << " " << keys.size();
    ASSERT_TRUE(append_rows(**store, expected, expected + 1));
  }
  const auto again = open_feature_store(base);
  ASSERT_TRUE(again);
  ASSERT_EQ(check_rows(**again, 100), expected + 1) << npy.size() << " " << keys.size();
  std::error_code ignored;
  EXPECT_EQ(std::filesystem::file_size(base.string() + ".npy", ignored), 128 + 12 * (expected + 1))
      << "the tail is cut";
}

TEST(FeatureStoreCrash, KeepsWholeRowsWhereverTheFilesAreTorn) {
  const auto base = fresh_folder() / "f";
  constexpr std::size_t kRows = 4;
  {
    const auto store = open_feature_store(base);
    ASSERT_TRUE(store && append_rows(**store, 0, kRows));
  }
  const std::string npy = *read_text_file(base.string() + ".npy", 1 << 20);
  const std::string keys = *read_text_file(base.string() + ".keys", 1 << 20);
  const std::size_t line = keys.size() / kRows;  // all of the same length here
  ASSERT_EQ(line * kRows, keys.size());
  for (std::size_t size = npy.size() - 2 * 12; size <= npy.size(); ++size)
    expect_recovers(base, npy.substr(0, size), keys, (size - 128) / 12);
  for (std::size_t size = keys.size() - 2 * line; size <= keys.size(); ++size)
    expect_recovers(base, npy, keys.substr(0, size), size / line);
  for (const std::size_t size : {0, 1, 9, 60, 61, 62, 127, 128}) expect_recovers(base, npy.substr(0, size), keys, 0);
  expect_recovers(base, npy + npy, keys, kRows);
}

TEST(FeatureStoreCrash, DoesNotBelieveADamagedKeyOrWhatFollows) {
  const auto base = fresh_folder() / "f";
  {
    const auto store = open_feature_store(base);
    ASSERT_TRUE(store && append_rows(**store, 0, 4));
  }
  const std::string npy = *read_text_file(base.string() + ".npy", 1 << 20);
  const std::string keys = *read_text_file(base.string() + ".keys", 1 << 20);
  const std::size_t line = keys.size() / 4;
  for (std::size_t at = line; at < 2 * line; ++at) {  // the second line; zeros are what a power cut leaves
    std::string damaged = keys;
    damaged[at] = '\0';
    expect_recovers(base, npy, damaged, 1);
  }
  expect_recovers(base, npy, keys.substr(0, line) + keys.substr(2 * line), 1);  // a line is missing
}

TEST(FeatureStoreCrash, KeepsEveryFlushedRowWhenItsWriterIsKilled) {
  const auto base = fresh_folder() / "f";
  Rng rng(23);
  std::size_t acknowledged = 0;
  for (int round = 0; round < 10; ++round) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto store = open_feature_store(base);
      if (!store) ::_exit(1);
      for (std::size_t i = acknowledged;; i += 2) {
        const std::size_t next = i + 2;
        if (!append_rows(**store, i, next) || ::write(ends[1], &next, sizeof next) != sizeof next) ::_exit(2);
      }
    }
    ::close(ends[1]);
    ASSERT_EQ(::read(ends[0], &acknowledged, sizeof acknowledged), static_cast<ssize_t>(sizeof acknowledged));
    ::usleep(static_cast<useconds_t>(rng.below(10000)));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    for (std::size_t next = 0; ::read(ends[0], &next, sizeof next) == static_cast<ssize_t>(sizeof next);)
      acknowledged = next;
    ::close(ends[0]);
    const auto store = open_feature_store(base);
    ASSERT_TRUE(store);
    const std::size_t found = check_rows(**store, acknowledged + 2);
    ASSERT_GE(found, acknowledged);
    acknowledged = found;
  }
}

TEST(FeatureStoreCrash, ReportsAFullDiskAndKeepsWhatWasFlushed) {
  const auto base = fresh_folder() / "f";
  {
    const auto store = open_feature_store(base);
    ASSERT_TRUE(store && append_rows(**store, 0, 5));
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{128 + 12 * 8 + 5, 128 + 12 * 8 + 5};  // within the ninth row
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto store = open_feature_store(base);
    if (!store) ::_exit(1);
    for (std::size_t i = 5; i < 8; ++i)
      if (!(*store)->append(Keys{key(i)}, row(i))) ::_exit(2);
    const auto full = (*store)->append(Keys{key(8)}, row(8));
    ::_exit(!full && full.error().code == ErrorCode::kIo && !(*store)->contains(key(8)) ? 0 : 3);
  }
  int status = -1;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  const auto store = open_feature_store(base);
  ASSERT_TRUE(store);
  EXPECT_EQ(check_rows(**store, 20), 5U);
  EXPECT_TRUE(append_rows(**store, 5, 12));
  EXPECT_EQ(check_rows(**store, 20), 12U);
}

}  // namespace
}  // namespace warifu
