#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/rng.h"

namespace warifu {
namespace {

TEST(Crc32c, GivesThePublishedCheckValueWholeAndInParts) {
  const std::string_view digits = "123456789";  // RFC 3720, appendix B.4 and the CRC catalogue
  EXPECT_EQ(crc32c(std::as_bytes(std::span(digits))), 0xE3069283U);
  const std::uint32_t first = crc32c(std::as_bytes(std::span(digits.substr(0, 4))));
  EXPECT_EQ(crc32c(std::as_bytes(std::span(digits.substr(4))), first), 0xE3069283U);
}

TEST(ContentHash, IsTheSameForAFileAndItsBytes) {
  const auto path = std::filesystem::path(testing::TempDir()) / "content_hash.txt";
  ASSERT_TRUE(write_file_atomically(path, "割符"));
  EXPECT_EQ(file_hash(path), content_hash("割符"));
  EXPECT_EQ(content_hash("").size(), 32U);
  EXPECT_NE(content_hash("a"), content_hash("b"));
}

TEST(ReadFile, RefusesWhatIsMissingTooLargeOrAFolder) {
  const auto folder = std::filesystem::path(testing::TempDir());
  ASSERT_TRUE(write_file_atomically(folder / "four", "1234"));
  EXPECT_EQ(read_text_file(folder / "four", 4), "1234");
  EXPECT_EQ(read_text_file(folder / "four", 3).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read_text_file(folder / "none", 3).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_text_file(folder, 3).error().code, ErrorCode::kInvalidArgument);
}

TEST(WriteFileAtomically, LeavesNothingBehindWhenItCannotWrite) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "no-such-folder";
  EXPECT_EQ(write_file_atomically(folder / "x", "1").error().code, ErrorCode::kNotFound);
}

TEST(ParallelFor, CoversEveryElementOnceWhateverTheThreads) {
  for (const std::size_t threads : {1U, 2U, 7U}) {
    set_thread_count(threads);
    std::vector<std::atomic<int>> seen(1013);
    parallel_for(seen.size(), 3, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) ++seen[i];
    });
    for (const auto& count : seen) EXPECT_EQ(count, 1);
  }
  set_thread_count(0);
}

TEST(ParallelFor, StaysOnItsThreadInsideAnother) {
  set_thread_count(3);
  std::atomic<int> strangers = 0;
  parallel_for(6, 1, [&](std::size_t, std::size_t) {
    const auto outer = std::this_thread::get_id();
    parallel_for(100, 1, [&](std::size_t, std::size_t) { strangers += std::this_thread::get_id() != outer ? 1 : 0; });
  });
  EXPECT_EQ(strangers, 0);
  set_thread_count(0);
}

TEST(ParallelFor, HandsAnExceptionToTheCaller) {
  set_thread_count(2);
  EXPECT_THROW(parallel_for(100, 1,
                            [](std::size_t begin, std::size_t) {
                              if (begin > 10) throw std::runtime_error("stop");
                            }),
               std::runtime_error);
  set_thread_count(0);
}

TEST(ParallelFor, ServesSeveralCallersAtOnce) {
  set_thread_count(3);
  std::atomic<std::size_t> done = 0;
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 6; ++caller)
      callers.emplace_back([&] {
        for (int round = 0; round < 200; ++round)
          parallel_for(40, 1, [&](std::size_t begin, std::size_t end) { done += end - begin; });
      });
  }
  EXPECT_EQ(done, 6U * 200 * 40);
  set_thread_count(0);
}

TEST(ParallelFor, WorksInTheChildOfAFork) {
  set_thread_count(2);
  std::atomic<std::size_t> done = 0;
  const auto work = [&](std::size_t begin, std::size_t end) { done += end - begin; };
  parallel_for(100, 1, work);
  const pid_t child = ::fork();
  if (child == 0) {
    parallel_for(100, 1, work);
    ::_exit(done == 200 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  set_thread_count(0);
}

TEST(Rng, ShufflesIntoTheSamePermutationForTheSameSeed) {
  std::vector<int> a(50);
  std::iota(a.begin(), a.end(), 0);
  std::vector<int> b = a;
  const std::vector<int> sorted = a;
  Rng first(7);
  Rng second(7);
  shuffle(std::span(a), first);
  shuffle(std::span(b), second);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, sorted);
  std::sort(a.begin(), a.end());
  EXPECT_EQ(a, sorted);
}

}  // namespace
}  // namespace warifu
