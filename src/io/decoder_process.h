#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/error.h"
#include "io/decoder_protocol.h"
#include "io/isolated_child.h"

namespace warifu {

// One process of a PictureDecoder, seen from its parent.
//
// Thread safety: none; one owner at a time. It must be started by a thread that outlives it: the system ends the
// process together with the thread that started it. Destroying it ends the process.
class DecoderProcess {
 public:
  struct Settings {
    std::filesystem::path program;
    std::uint64_t memory_bytes = 0;
    bool require_sandbox = true;
  };

  // Waits until the process is ready. kNotFound without the program, kIo if it cannot be started or restricted.
  static Result<DecoderProcess> start(const Settings& settings);

  DecoderProcess(DecoderProcess&& other) noexcept;
  DecoderProcess& operator=(DecoderProcess&& other) noexcept;
  ~DecoderProcess();

  // False if it ended, or speaks without being asked.
  bool is_ready() const;

  // Sends and waits. An Error is about the process, which then is of no more use: kBadFormat if it ended or its answer
  // broke the rules, kInvalidArgument if it took longer than `time_limit` (it is then ended). What the process itself
  // says of the picture is in the answer.
  Result<DecoderAnswer> ask(const DecoderRequest& request, std::span<const std::byte> payload,
                            std::chrono::milliseconds time_limit);

  pid_t pid() const { return pid_; }

 private:
  DecoderProcess(pid_t pid, FileDescriptor socket) : pid_(pid), socket_(std::move(socket)) {}
  int end();  // the wait status
  Fail ended();

  pid_t pid_ = -1;  // -1: reaped, or moved from
  FileDescriptor socket_;
};

}  // namespace warifu
