#include "io/isolated_child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace warifu {
namespace {

using testing::HasSubstr;

IsolatedChild start(const std::function<void(MessageSink&)>& work, const IsolatedChild::Limits& limits = {}) {
  auto child = IsolatedChild::start(0, limits, work);
  EXPECT_TRUE(child);
  return std::move(*child);
}

void send(MessageSink& sink, std::string_view text) { sink.send(std::as_bytes(std::span(text))); }

std::string text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(IsolatedChild, MessagesArriveInOrderAndEnd) {
  auto child = start([](MessageSink& sink) {
    for (int i = 0; i < 1000; ++i) send(sink, std::string(std::size_t(i) * 7, 'x'));
  });
  for (std::size_t i = 0; i < 1000; ++i) {
    const auto message = child.next();
    ASSERT_TRUE(message);
    ASSERT_TRUE(*message);
    ASSERT_EQ((*message)->size(), i * 7);
  }
  EXPECT_FALSE(*child.next());
  EXPECT_FALSE(*child.next());
}

TEST(IsolatedChild, ItsOwnSentenceOfFailureArrives) {
  auto child = start([](MessageSink& sink) {
    send(sink, "first");
    sink.send_failure("row 2 is odd");
  });
  EXPECT_EQ(text(**child.next()), "first");
  const auto failed = child.next();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "row 2 is odd");
}

TEST(IsolatedChild, ItsCrashIsAnError) {
  auto child = start([](MessageSink& sink) {
    send(sink, "lost with the buffer");
    std::raise(SIGKILL);
  });
  const auto failed = child.next();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kBadFormat);
  auto aborting = start([](MessageSink&) { std::abort(); });
  EXPECT_THAT(aborting.next().error().message, HasSubstr("ended with signal 6"));
}

TEST(IsolatedChild, ItsEndlessLoopIsAnError) {
  IsolatedChild::Limits limits;
  limits.cpu_seconds = 1;
  auto child = start(
      [](MessageSink&) {
        for (volatile bool busy = true; busy;) {
        }
      },
      limits);
  EXPECT_THAT(child.next().error().message, HasSubstr("takes for ever"));
}

TEST(IsolatedChild, ItsHungerForMemoryIsAnError) {
  IsolatedChild::Limits limits;
  limits.memory_bytes = std::uint64_t{64} << 20;
  auto child = start(
      [](MessageSink& sink) {
        void* memory = std::malloc(std::size_t{1} << 30);
        if (memory == nullptr) sink.send_failure("no memory");
        std::free(memory);
      },
      limits);
  EXPECT_FALSE(child.next());  // a sanitizer ends the child; the plain library returns null
}

TEST(IsolatedChild, AMessageOverTheLimitIsRefused) {
  IsolatedChild::Limits limits;
  limits.message_bytes = 10;
  auto child = start([](MessageSink& sink) { send(sink, "eleven bytes"); }, limits);
  EXPECT_FALSE(child.next());
}

TEST(IsolatedChild, EndsWithItsOwnerAndLeavesNoZombie) {
  {
    auto child = start([](MessageSink&) {
      while (true) ::pause();
    });
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(IsolatedChild, SeesOnlyItsInput) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "in", 2), 2);
  auto child = IsolatedChild::start(ends[0], {}, [&](MessageSink& sink) {
    char bytes[2];
    const bool reads = ::read(ends[0], bytes, 2) == 2;
    const bool writes = ::write(ends[1], bytes, 2) == 2;
    send(sink, reads && !writes ? "right" : "wrong");
  });
  EXPECT_EQ(text(**child->next()), "right");
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace warifu
