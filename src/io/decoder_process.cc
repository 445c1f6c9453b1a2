#include "io/decoder_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace warifu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kStartLimit{20};

constexpr const char* kPictureHint = "open it in a picture program and save it as JPEG or PNG";

enum class Moved { kAll, kEnded, kTooLate };

// Until the socket is ready for `events`, or the time is over.
Moved wait_for(int socket, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return Moved::kTooLate;
    struct pollfd waiting = {socket, events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return Moved::kAll;
    if (ready < 0 && errno != EINTR) return Moved::kEnded;
  }
}

Moved send_all(int socket, std::span<const std::byte> bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (sent < 0 && errno == EAGAIN) {
      if (const Moved moved = wait_for(socket, POLLOUT, deadline); moved != Moved::kAll) return moved;
    } else if (sent == 0 || errno != EINTR) {
      return Moved::kEnded;
    }
  }
  return Moved::kAll;
}

Moved receive_all(int socket, std::span<std::byte> bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const auto got = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (got > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    } else if (got < 0 && errno == EAGAIN) {
      if (const Moved moved = wait_for(socket, POLLIN, deadline); moved != Moved::kAll) return moved;
    } else if (got == 0 || errno != EINTR) {
      return Moved::kEnded;
    }
    // A process that answers byte by byte must not hold us for ever, either.
    if (!bytes.empty() && Clock::now() > deadline) return Moved::kTooLate;
  }
  return Moved::kAll;
}

template <typename T>
std::span<std::byte> bytes_in(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

// The signals that the parent blocks or ignores are its own affair; a Ctrl-C at the terminal is, too.
void spawn_attributes(posix_spawnattr_t& attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

int spawn(const DecoderProcess::Settings& settings, int socket, pid_t& pid) {
  std::string program = settings.program.string();
  std::string memory = std::to_string(settings.memory_bytes);
  std::string sandbox = settings.require_sandbox ? "sandbox" : "sandbox-if-possible";
  const std::array<char*, 4> arguments = {program.data(), memory.data(), sandbox.data(), nullptr};
  std::array<char*, 1> environment = {nullptr};
  posix_spawnattr_t attributes;
  spawn_attributes(attributes);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, socket, kDecoderSocket);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
#ifndef __SANITIZE_ADDRESS__  // whose reports go there
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
#endif
  const int failed = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return failed;
}

}  // namespace

DecoderProcess::DecoderProcess(DecoderProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), socket_(std::move(other.socket_)) {}

DecoderProcess& DecoderProcess::operator=(DecoderProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(socket_, other.socket_);
  return *this;
}

DecoderProcess::~DecoderProcess() { end(); }

Result<DecoderProcess> DecoderProcess::start(const Settings& settings) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail(ErrorCode::kIo, std::string("socketpair: ") + std::strerror(errno));
  FileDescriptor ours(ends[0]), theirs(ends[1]);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  pid_t pid = -1;
  if (const int failed = spawn(settings, theirs.get(), pid); failed != 0)
    return fail(failed == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                settings.program.string() + ": " + std::strerror(failed),
                "the picture decoder is installed beside warifu; build both with 'make build'");
  DecoderProcess process(pid, std::move(ours));
  theirs = FileDescriptor();  // or the end of the process would not be noticed
  DecoderHello hello;
  if (receive_all(process.socket_.get(), bytes_in(hello), Clock::now() + kStartLimit) != Moved::kAll ||
      hello.magic != kDecoderMagic)
    return fail(ErrorCode::kIo, settings.program.string() + ": the picture decoder does not start",
                "the program must be of the same build as warifu; its libraries must be installed");
  if (hello.sandboxed == 0 && settings.require_sandbox)
    return fail(ErrorCode::kIo,
                fmt::format("the picture decoder cannot be restricted: {}", std::strerror(hello.reason)),
                "the kernel must allow seccomp filters (CONFIG_SECCOMP_FILTER; not blocked by a container's profile)");
  return process;
}

bool DecoderProcess::is_ready() const {
  struct pollfd waiting = {socket_.get(), POLLIN, 0};
  return pid_ > 0 && ::poll(&waiting, 1, 0) == 0;
}

int DecoderProcess::end() {
  if (pid_ < 0) return 0;
  const pid_t pid = std::exchange(pid_, -1);
  ::kill(pid, SIGKILL);  // of one that is ending already, the first reason stays
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

Fail DecoderProcess::ended() {
  const int status = end();
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    return fail(ErrorCode::kBadFormat, "decoding it was ended by the system, perhaps for lack of memory", kPictureHint);
  if (WIFSIGNALED(status))
    return fail(ErrorCode::kBadFormat,
                fmt::format("the picture is damaged: decoding it ended with signal {}", WTERMSIG(status)),
                kPictureHint);
  return fail(ErrorCode::kBadFormat, "the picture is damaged: decoding it failed", kPictureHint);
}

Result<DecoderAnswer> DecoderProcess::ask(const DecoderRequest& request, std::span<const std::byte> payload,
                                          std::chrono::milliseconds time_limit) {
  const auto deadline = Clock::now() + time_limit;
  const auto unless_all = [&](Moved moved) -> Fail {
    if (moved == Moved::kEnded) return ended();
    end();
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("decoding it took too long: more than {} s", static_cast<double>(time_limit.count()) / 1e3),
                kPictureHint);
  };
  const int socket = socket_.get();
  Moved moved = send_all(socket, std::as_bytes(std::span(&request, 1)), deadline);
  if (moved == Moved::kAll) moved = send_all(socket, payload, deadline);
  DecoderAnswerHead head;
  if (moved == Moved::kAll) moved = receive_all(socket, bytes_in(head), deadline);
  if (moved != Moved::kAll) return unless_all(moved);
  std::vector<std::uint8_t> body;
  auto checked = check_answer_head(head, request);
  if (checked) {
    body.resize(head.body_bytes);
    moved = receive_all(socket, std::as_writable_bytes(std::span(body)), deadline);
    if (moved != Moved::kAll) return unless_all(moved);
    auto answer = open_answer(head, std::move(body), request);
    if (answer) return answer;
    checked = Fail(answer.error());
  }
  end();
  return fail(ErrorCode::kBadFormat, checked.error().message, kPictureHint);
}

}  // namespace warifu
