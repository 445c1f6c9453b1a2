#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace warifu {

// How an action ended.
enum class Outcome {
  kDone,
  kRefused,  // who asked may not
  kFailed,   // allowed, but it did not work
};

// One thing that somebody did, or was kept from doing. Text may be anything; malformed UTF-8 is written as U+FFFD.
// Never put a secret in: the log is kept and shown.
struct AuditEntry {
  using Value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;

  std::string who;                 // name of the user, "local" (Principal of local_owner()) or "anonymous"
  std::string key;                 // id of the key; empty without one
  std::string action;              // "items.put", "keys.create": what, dot, what happened to it
  std::vector<std::string> items;  // ids of the items, or names of what else it was done to
  Outcome outcome = Outcome::kDone;
  int status = 0;                                     // HTTP status, or exit status of the command line
  std::string request;                                // id of the request; empty without one
  std::vector<std::pair<std::string, Value>> detail;  // whatever else is worth knowing, in this order
};

struct AuditOptions {
  std::uint64_t file_bytes = std::uint64_t{64} << 20;  // a file at least this long is followed by a new one
  std::chrono::milliseconds sync_every{500};           // so an entry is on the disk within a second
};

// The log of who did what in a workspace: JSON Lines in <folder>/000001.jsonl, 000002.jsonl …, each line chained to the
// one before it by a hash, so that verify_audit_log() finds any line that was changed, removed, inserted or moved.
// Byte for byte: docs/reference/formats/audit-log.md; what that proves and what not: docs/decisions/rights.md.
//
// Several processes append to one log (a server and the command line): each entry is written under a lock of the
// folder, behind what is there then. An incomplete last line (a power cut) is moved to <folder>/audit.torn, which the
// next line says.
//
// Errors: kIo (full disk, no permission), kUnavailable (another process holds the lock for over 5 s), kBadFormat (the
// log's end was tampered with, so that nothing can be chained to it, or became shorter while it was open), kNotFound.
//
// Threads: any number at once.
class AuditLog {
 public:
  // Opens the log of `folder`, which is created (mode 0700, files 0600) if its parent is there.
  static Result<std::unique_ptr<AuditLog>> open(const std::filesystem::path& folder, const AuditOptions& options = {});
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;
  ~AuditLog();  // sync()

  // Written when it returns: it survives the end of this process at once, and a power cut within a second. Where it
  // fails nothing of the entry is in the log, and whatever it was about should not happen. After a failed fsync
  // nothing more is accepted: nobody knows what is on the disk. kInvalidArgument for an entry of over 4 MiB.
  // About 20 microseconds.
  Result<void> append(const AuditEntry& entry);

  // Waits until everything appended so far survives a power cut.
  Result<void> sync();

  // Hash of the last line that this object knows of: what verify_audit_log() can be given later. 64 zeros for an empty
  // log.
  std::string head() const;

 private:
  class Impl;
  explicit AuditLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The last `count` lines, oldest first, as they are in the files (JSON, without the line end); an incomplete last one
// is left out. kNotFound without a log.
Result<std::vector<std::string>> last_audit_lines(const std::filesystem::path& folder, std::size_t count);

}  // namespace warifu
