#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/error.h"
#include "segments/store_folder.h"
#include "segments/store_log.h"

namespace warifu {

// Appends to a log of a code store so that what append() accepted survives a power cut. Only to one that it created:
// of a log that another process wrote nobody knows whether what is read is on the disk. Internal to segments/.
//
// Thread safety: one thread at a time.
class LogWriter {
 public:
  // A new log with nothing in it, durable itself; its name is durable after folder.sync().
  static Result<LogWriter> create(const StoreFolder& folder, const LogHeader& header);

  std::uint32_t header_checksum() const { return header_checksum_; }
  std::size_t end_bytes() const { return end_bytes_; }

  // Durable when it returns. Where it fails, either nothing of `records` is in the log (a full disk), or the log is
  // broken().
  Result<void> append(std::span<const std::uint64_t> records);

  // Set: it is unknown what of the last append is on the disk, so nothing more may be acknowledged. After a failed
  // fsync the system forgets which pages it could not write, and a second one would lie
  // (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
  const std::optional<Error>& broken() const { return broken_; }

 private:
  LogWriter(const StoreFolder& folder, StoreFd file, std::uint64_t number, std::uint32_t header_checksum,
            std::size_t end_bytes);
  Result<void> sync();
  Result<void> cut();

  const StoreFolder* folder_;
  StoreFd file_;
  std::filesystem::path path_;
  std::uint32_t header_checksum_;
  std::size_t end_bytes_;
  std::optional<Error> broken_;
};

}  // namespace warifu
