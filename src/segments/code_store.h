#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/error.h"
#include "codes/code_matrix.h"
#include "codes/code_space.h"
#include "segments/code_snapshot.h"
#include "segments/commit_queue.h"
#include "segments/store_folder.h"

namespace warifu {

class StoreWriter;
class PublishedSnapshot;
struct SegmentRun;

struct CodeStoreOptions {
  // Codes in memory (and in the log) before they are written to a segment.
  std::size_t max_memory_codes = 65536;
  std::size_t max_memory_bytes = std::size_t{32} << 20;
  // Bytes of codes and rows of the largest segment that compaction writes; as much memory is taken meanwhile. A
  // larger one is not written again, however many of its codes are dead.
  std::size_t max_compacted_bytes = std::size_t{1} << 30;
  // Opening merges small segments, and a thread keeps the number of segments and of dead codes small. Off: only
  // compact() does.
  bool background_compaction = true;
  StoreStepHook step_hook;  // for tests
};

struct CodeStoreStats {
  std::size_t codes = 0;         // live
  std::size_t dead = 0;          // positions in segments that do not count any more
  std::size_t memory_codes = 0;  // positions that no segment has yet
  std::size_t segments = 0;
  std::uint64_t generation = 0;  // of the manifest
  std::uint64_t changes = 0;     // acknowledged since the store was opened: batches of put and remove
  std::uint64_t groups = 0;      // that they were written in: one fsync each
  std::uint64_t flushes = 0;
  std::uint64_t compactions = 0;
  std::size_t log_bytes = 0;
  // Why the last flush or compaction that nobody called failed; it is tried again after more changes.
  std::optional<Error> background_error;
};

// A change that was handed over and may not be durable yet. Copies are the same change.
class Ticket {
 private:
  friend class CodeStore;
  std::shared_ptr<PendingChange> change_;  // null: there was nothing to do, or
  std::optional<Error> refused_;           // why it was not even tried
};

// The living index: a folder with the codes of one space and one modality that can be changed while it is searched.
//
// A change is appended to a log, made durable (fsync, shared by all who wait at that moment), applied in memory and
// published as a new snapshot; then the call returns. So what was acknowledged survives a crash at any moment, and
// every search that begins after the call sees it. Codes in memory move to immutable segments sorted by row; a
// thread merges segments and leaves dead codes out. Opening and closing write out what the log holds. Files and their
// rules: docs/reference/formats/code-store.md.
//
// Rows are >= 0. A row has one code at most, in every snapshot; a replaced row is never missing in between.
//
// One object may change a folder at a time (flock); others, also in other processes, read it with
// load_code_snapshot().
//
// Errors of changes: kInvalidArgument for rows and codes that break a rule (nothing is written); kIo when the system
// refuses. After a full disk nothing of the refused changes is left, reading goes on, and later changes are tried
// again. After a failed fsync, where nobody can know what is on the disk, every later change answers the same error
// until the store is opened again; what is shown then has been written anew.
//
// Thread safety: everything may be called at the same time. Readers never wait for writers: snapshot() copies a
// pointer under a mutex that is never held for longer than that. (std::atomic<std::shared_ptr> of GCC 12 is a lock
// too, and ThreadSanitizer cannot see through it.) Writers wait during a flush, which is about as long as writing
// max_memory_codes codes, but not during compaction.
class CodeStore {
 public:
  // Creates the store where there is none. kIncompatible if it is of another space or modality, or of a newer
  // version; kUnavailable naming the holder if another process or object changes it; kBadFormat with a hint if it is
  // damaged; kIo, with a hint also where the disk is full: opening writes even if nothing is changed later, which
  // load_code_snapshot() does not.
  static Result<std::unique_ptr<CodeStore>> open(const std::filesystem::path& folder, const CodeSpace& space,
                                                 Modality modality, const CodeStoreOptions& options = {});
  CodeStore(const CodeStore&) = delete;
  CodeStore& operator=(const CodeStore&) = delete;
  ~CodeStore();  // commits what was submitted, and flushes

  const CodeSpace& space() const { return space_; }
  Modality modality() const { return modality_; }
  std::shared_ptr<const CodeSnapshot> snapshot() const;

  // Adds codes, or replaces those that the rows have: rows[i] gets codes.row(i). All of them or none, also after a
  // crash. Where a row is named twice the last one counts. At most kMaxChangeBytes at once. Durable when it returns.
  Result<void> put(std::span<const std::int64_t> rows, const CodeMatrix& codes);
  // Rows without a code are fine.
  Result<void> remove(std::span<const std::int64_t> rows);

  // The same in two parts, so that one thread can have many changes on their way: they are done in the order in
  // which they were submitted, and durable when wait() says so. Somebody should wait for the last one.
  Ticket submit_put(std::span<const std::int64_t> rows, const CodeMatrix& codes);
  Ticket submit_remove(std::span<const std::int64_t> rows);
  Result<void> wait(const Ticket& ticket);

  // Writes codes in memory to a segment and begins a new log.
  Result<void> flush();
  // Flushes, then merges all segments (to such as max_compacted_bytes allows) without their dead codes.
  Result<void> compact();

  // A copy of the store as of now, in a folder `target` that appears when it is whole and durable. Changes go on
  // meanwhile. Immutable files are hard links where the file system allows (a later copy to another disk makes them
  // independent); missing parents are created. kInvalidArgument if the target exists; kIo.
  Result<void> backup(const std::filesystem::path& target) const;

  CodeStoreStats stats() const;

 private:
  CodeStore(const CodeSpace& space, Modality modality, const CodeStoreOptions& options);
  Ticket submit(std::vector<std::uint64_t> record);
  void commit(CommitQueue::Group group);
  Result<std::size_t> compact_run(std::unique_lock<std::mutex>& writing, const SegmentRun& run);
  Result<bool> compact_worst();
  void compact_in_background();
  void wake_compaction();

  CodeSpace space_;
  Modality modality_;
  CodeStoreOptions options_;
  std::unique_ptr<PublishedSnapshot> published_;
  std::unique_ptr<StoreWriter> writer_;
  mutable std::mutex writing_;  // of writer_
  std::mutex compacting_;       // taken before writing_
  CommitQueue queue_;

  std::mutex waking_;
  std::condition_variable wake_;
  bool wanted_ = false;
  std::atomic<bool> stop_ = false;
  std::thread compactor_;
};

}  // namespace warifu
