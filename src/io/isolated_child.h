#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace warifu {

// A file descriptor that is closed with its owner.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// The child's end of the pipe: messages of bytes, and at most one sentence of failure.
class MessageSink {
 public:
  explicit MessageSink(int fd) : fd_(fd) {}
  void send(std::span<const std::byte> message);
  [[noreturn]] void send_failure(std::string_view sentence);  // and ends the child
  void flush();

 private:
  void put(std::uint32_t head, std::span<const std::byte> body);

  int fd_;
  std::vector<std::byte> buffer_;
};

// Work done in a child process, for a library that hostile files can bring down: its crash, its
// endless loop and its hunger for memory are the child's, and arrive here as an Error.
//
// The child is a fork of this process that sees no descriptors but `input` and its pipe, and whose
// stdout and stderr lead nowhere. `work` must keep to the C library and the fragile one: whatever
// another thread of this process held at that moment (a lock of libvips, of torch) is held for ever in the child.
//
// Thread safety: none; one owner. Destroying it ends the child.
class IsolatedChild {
 public:
  struct Limits {
    std::uint64_t memory_bytes = std::uint64_t{4} << 30;  // beyond what the process has now
    std::uint64_t cpu_seconds = 60;
    std::size_t message_bytes = std::size_t{64} << 20;
  };

  // `input` is duplicated into the child under the same number.
  static Result<IsolatedChild> start(int input, const Limits& limits, const std::function<void(MessageSink&)>& work);

  IsolatedChild(IsolatedChild&&) noexcept;
  IsolatedChild& operator=(IsolatedChild&&) noexcept;
  ~IsolatedChild();

  // The next message; nothing when the work is done. kBadFormat with the child's own sentence, or
  // with how it ended.
  Result<std::optional<std::vector<std::byte>>> next();

 private:
  IsolatedChild(pid_t pid, FileDescriptor pipe, std::size_t message_bytes)
      : pid_(pid), pipe_(std::move(pipe)), message_bytes_(message_bytes) {}
  bool fill(std::size_t bytes);
  Result<void> wait();

  pid_t pid_ = -1;  // -1: reaped
  FileDescriptor pipe_;
  std::size_t message_bytes_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
};

}  // namespace warifu
