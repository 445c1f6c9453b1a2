#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "segments/code_store.h"
#include "segments/log_writer.h"
#include "segments/obsolete_files.h"
#include "segments/published_snapshot.h"
#include "segments/store_backup.h"
#include "segments/store_compaction.h"
#include "segments/store_contents.h"
#include "segments/store_folder.h"
#include "segments/store_loading.h"
#include "segments/store_lock.h"
#include "segments/store_manifest.h"

namespace warifu {

// Segments that are being merged: what is needed of them without the writer.
struct CompactionJob {
  std::vector<StoredSegment> stored;
  std::vector<CodeSnapshot::Mapped> sources;  // as they were when it began
  StoredSegment output;
};

// The part of a code store that changes files: one state, and the steps from each of its states to the next, every
// one of which leaves the folder readable. Internal to segments/.
//
// Thread safety: one thread at a time, but for write_merged() and what it says of itself.
class StoreWriter {
 public:
  static Result<std::unique_ptr<StoreWriter>> open(const std::filesystem::path& folder, const CodeSpace& space,
                                                   Modality modality, const CodeStoreOptions& options,
                                                   PublishedSnapshot& published);

  // Writes what was salvaged from a damaged store. First `set_aside` (files of the folder) get second names that end
  // in .damaged; then come a new manifest that names the segments of `loaded.manifest`, all deletes, codes in memory
  // as a segment, and an empty log; then what is not named any more is removed. After a crash at any moment it can be
  // done again.
  static Result<void> write_anew(StoreFolder folder, StoreLock lock, LoadedStore loaded,
                                 std::span<const std::string> set_aside);

  // Makes a group durable, applies and publishes it; sets the result of each change.
  void commit(CommitQueue::Group group);
  Result<void> flush();

  std::vector<SegmentSize> segment_sizes() const;
  CompactionJob begin_compaction(const SegmentRun& run);
  // Writes a job's segment. Does not look at the writer's state: runs beside everything else.
  Result<std::optional<LiveSegment>> write_merged(CompactionJob& job, const std::atomic<bool>& stop) const;
  // Puts it in the place of its sources, without the codes that died since it began.
  Result<void> install(const CompactionJob& job, std::optional<LiveSegment> merged);

  BackupPlan backup_plan() const;
  std::uint64_t generation() const { return manifest_.generation; }
  const StoreFolder& folder() const { return folder_; }
  ObsoleteFiles& obsolete() { return obsolete_; }
  std::size_t max_compacted_codes() const;
  // How compaction that nobody called ended: nothing is left to do, or why it failed.
  void note_compaction(std::optional<Error> failed) { compaction_error_ = std::move(failed); }
  CodeStoreStats stats() const;

 private:
  StoreWriter(StoreFolder folder, StoreLock lock, const CodeStoreOptions& options, PublishedSnapshot& published,
              LoadedStore loaded);
  Result<void> check_usable() const;
  Result<void> make_room();
  Result<void> append(CommitQueue::Group group);
  bool memory_reaches(std::size_t share_percent) const;
  void flush_if_full();
  // Memory and deletes to files, a new log, the manifest that names them.
  Result<void> write_out(bool one_deletes_file);
  bool has_many_deletes_files() const;
  Result<void> make_durable(bool torn);
  void merge_small_segments();

  // Parts of flush() and install(): each adds to `next`, and its file to `created`.
  Result<std::optional<LiveSegment>> write_memory(StoreManifest& next, std::vector<std::string>& created);
  Result<void> write_deletes(StoreManifest& next, std::vector<DeletedPositions> deletes,
                             std::vector<std::string>& created);
  Result<LogWriter> begin_log(StoreManifest& next, std::vector<std::string>& created);
  Result<void> replace_manifest(StoreManifest& next, const std::vector<std::string>& created);
  void remove_unnamed(const StoreManifest& former);
  void publish();

  StoreFolder folder_;
  StoreLock lock_;
  CodeStoreOptions options_;
  PublishedSnapshot& published_;
  ObsoleteFiles obsolete_;
  StoreManifest manifest_;
  StoreIdentity identity_;
  StoreContents contents_;
  std::optional<LogWriter> log_;
  std::uint64_t next_sequence_;
  std::uint64_t next_number_;
  std::uint64_t version_ = 0;
  std::size_t flush_at_percent_ = 100;  // of the allowed memory; more after a flush that failed
  std::optional<Error> broken_;
  std::optional<Error> flush_error_;
  std::optional<Error> compaction_error_;
  CodeStoreStats stats_;
};

}  // namespace warifu
