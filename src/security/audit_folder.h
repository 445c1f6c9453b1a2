#pragma once

#include <sys/file.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace warifu {

// Names in the folder of an audit log. Internal to security/.
inline constexpr const char* kAuditLockName = "lock";
inline constexpr const char* kAuditTornName = "audit.torn";

// "000001.jsonl".
std::string audit_file_name(std::uint64_t number);

// The files of a log by number; others are none of ours. kNotFound without the folder.
Result<std::map<std::uint64_t, std::filesystem::path>> audit_files(const std::filesystem::path& folder);

// The right to append, while it lives. kUnavailable after 5 s.
class AuditLock {
 public:
  // `fd`: of the lock file, open for as long; one for each AuditLog.
  static Result<AuditLock> take(int fd, const std::filesystem::path& folder);
  AuditLock(AuditLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  AuditLock& operator=(AuditLock&&) = delete;
  ~AuditLock() {
    if (fd_ >= 0) ::flock(fd_, LOCK_UN);
  }

 private:
  explicit AuditLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace warifu
