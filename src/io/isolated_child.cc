#include "io/isolated_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "io/process_limits.h"

namespace warifu {
namespace {

constexpr std::uint32_t kFailureMark = 0x80000000U;
constexpr std::size_t kBufferBytes = std::size_t{1} << 18;

// Everything but `input` and `pipe` is closed: a client's connection must not stay open because a
// child of ours still holds it.
void drop_descriptors(int input, int pipe) {
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (int standard = 0; standard <= 2; ++standard) ::dup2(nowhere, standard);
  const unsigned low = static_cast<unsigned>(std::max(2, std::min(input, pipe)));
  const unsigned high = static_cast<unsigned>(std::max(input, pipe));
  if (low > 3) ::close_range(3, low - 1, 0);
  if (high > low + 1) ::close_range(low + 1, high - 1, 0);
  ::close_range(high + 1, ~0U, 0);
}

[[noreturn]] void be_the_child(int input, int pipe, const IsolatedChild::Limits& limits,
                               const std::function<void(MessageSink&)>& work) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGPIPE, SIGTERM, SIGINT, SIGXCPU})
    ::signal(signal, SIG_DFL);
  drop_descriptors(input, pipe);
  limit_resource(RLIMIT_CORE, 0);
  limit_resource(RLIMIT_CPU, limits.cpu_seconds);
  if (const auto now = address_space(); now > 0) limit_resource(RLIMIT_AS, now + limits.memory_bytes);
  MessageSink sink(pipe);
  try {
    work(sink);
    sink.flush();
    ::_exit(0);  // not exit(): the handlers registered there are the parent's
  } catch (const std::bad_alloc&) {
    sink.send_failure("reading it needs more memory than it may have");
  }
}

}  // namespace

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

void MessageSink::flush() {
  std::span<const std::byte> left = buffer_;
  while (!left.empty()) {
    const auto written = ::write(fd_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) ::_exit(1);  // nobody listens any more
    left = left.subspan(static_cast<std::size_t>(written));
  }
  buffer_.clear();
}

void MessageSink::put(std::uint32_t head, std::span<const std::byte> body) {
  const auto head_bytes = std::as_bytes(std::span(&head, 1));
  buffer_.insert(buffer_.end(), head_bytes.begin(), head_bytes.end());
  buffer_.insert(buffer_.end(), body.begin(), body.end());
  if (buffer_.size() >= kBufferBytes) flush();
}

void MessageSink::send(std::span<const std::byte> message) {
  if (message.size() >= kFailureMark) return send_failure("a row of more than 2 GiB");
  put(static_cast<std::uint32_t>(message.size()), message);
}

void MessageSink::send_failure(std::string_view sentence) {
  put(static_cast<std::uint32_t>(sentence.size()) | kFailureMark, std::as_bytes(std::span(sentence)));
  flush();
  ::_exit(1);
}

Result<IsolatedChild> IsolatedChild::start(int input, const Limits& limits,
                                           const std::function<void(MessageSink&)>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(ErrorCode::kUnavailable, std::string("no pipe for a reading process: ") + std::strerror(errno));
  FileDescriptor read_end(ends[0]);
  const FileDescriptor low_end(ends[1]), write_end(::fcntl(ends[1], F_DUPFD_CLOEXEC, 3));  // clear of the standard ones
  const pid_t pid = ::fork();
  if (pid < 0)
    return fail(ErrorCode::kUnavailable, std::string("no reading process can be started: ") + std::strerror(errno));
  if (pid == 0) be_the_child(input, write_end.get(), limits, work);
  return IsolatedChild(pid, std::move(read_end), limits.message_bytes);
}

IsolatedChild::IsolatedChild(IsolatedChild&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pipe_(std::move(other.pipe_)),
      message_bytes_(other.message_bytes_),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_) {}

IsolatedChild& IsolatedChild::operator=(IsolatedChild&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pipe_, other.pipe_);
  std::swap(message_bytes_, other.message_bytes_);
  std::swap(buffer_, other.buffer_);
  std::swap(begin_, other.begin_);
  return *this;
}

IsolatedChild::~IsolatedChild() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// True when at least `bytes` unread bytes lie in the buffer; false if the pipe ends before.
bool IsolatedChild::fill(std::size_t bytes) {
  if (buffer_.size() - begin_ >= bytes) return true;
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  std::size_t filled = buffer_.size();
  buffer_.resize(std::max(bytes, kBufferBytes));
  while (filled < bytes) {
    const auto got = ::read(pipe_.get(), buffer_.data() + filled, buffer_.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  buffer_.resize(filled);
  return filled >= bytes;
}

Result<void> IsolatedChild::wait() {
  int status = 0;
  pid_t reaped = -1;
  while ((reaped = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
  }
  const pid_t pid = std::exchange(pid_, -1);
  constexpr const char* kHint = "save or download the file again";
  if (reaped != pid) return fail(ErrorCode::kInternal, "the reading process was lost");
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
    return fail(ErrorCode::kBadFormat, "the file is damaged: reading it takes for ever", kHint);
  if (WIFSIGNALED(status))
    return fail(ErrorCode::kBadFormat,
                "the file is damaged: reading it ended with signal " + std::to_string(WTERMSIG(status)), kHint);
  if (WEXITSTATUS(status) != 0) return fail(ErrorCode::kBadFormat, "the file is damaged: reading it failed", kHint);
  return {};
}

Result<std::optional<std::vector<std::byte>>> IsolatedChild::next() {
  if (pid_ < 0) return std::nullopt;
  std::uint32_t head = 0;
  if (!fill(sizeof head)) {
    auto ended = wait();
    if (!ended) return Fail(ended.error());
    return std::nullopt;
  }
  std::memcpy(&head, buffer_.data() + begin_, sizeof head);
  begin_ += sizeof head;
  const std::size_t size = head & ~kFailureMark;
  if (size > message_bytes_) return fail(ErrorCode::kBadFormat, "a row of " + std::to_string(size) + " bytes");
  if (!fill(size)) {
    auto ended = wait();
    return ended ? fail(ErrorCode::kBadFormat, "the file is damaged: reading it failed") : Fail(ended.error());
  }
  const auto first = buffer_.begin() + static_cast<std::ptrdiff_t>(begin_);
  std::vector<std::byte> body(first, first + static_cast<std::ptrdiff_t>(size));
  begin_ += size;
  if ((head & kFailureMark) == 0) return body;
  return fail(ErrorCode::kBadFormat, std::string(reinterpret_cast<const char*>(body.data()), body.size()));
}

}  // namespace warifu
