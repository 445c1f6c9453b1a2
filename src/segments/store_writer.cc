#include "segments/store_writer.h"

#include <algorithm>
#include <utility>

#include "segments/store_bytes.h"
#include "segments/store_files.h"

namespace warifu {
namespace {

// A store that has so many deletes files gets one in their place when the next is written out.
constexpr std::size_t kMaxDeletesFiles = 8;
// What memory may hold when it cannot be flushed, before changes are refused.
constexpr std::size_t kMostPercent = 200;

}  // namespace

StoreWriter::StoreWriter(StoreFolder folder, StoreLock lock, const CodeStoreOptions& options,
                         PublishedSnapshot& published, LoadedStore loaded)
    : folder_(std::move(folder)),
      lock_(std::move(lock)),
      options_(options),
      published_(published),
      obsolete_(folder_),
      manifest_(std::move(loaded.manifest)),
      identity_(store_identity(manifest_.space, manifest_.modality)),
      contents_(std::move(loaded.contents)),
      next_sequence_(loaded.next_sequence),
      next_number_(manifest_.next_number) {}

Result<std::unique_ptr<StoreWriter>> StoreWriter::open(const std::filesystem::path& path, const CodeSpace& space,
                                                       Modality modality, const CodeStoreOptions& options,
                                                       PublishedSnapshot& published) {
  StoreFolder folder(path, options.step_hook);
  if (auto ok = folder.create(); !ok) return std::unexpected(ok.error());
  auto lock = StoreLock::take(folder);
  if (!lock) return std::unexpected(lock.error());
  auto loaded = load_or_create_store(folder, space, modality);
  if (!loaded) return std::unexpected(loaded.error());
  const bool torn = loaded->log.torn;
  std::unique_ptr<StoreWriter> writer(
      new StoreWriter(std::move(folder), std::move(*lock), options, published, std::move(*loaded)));
  if (auto ok = writer->make_durable(torn); !ok) return std::unexpected(ok.error());
  writer->publish();
  if (options.background_compaction) writer->merge_small_segments();
  return writer;
}

// What was read may be in the system's memory only: of the log whose fsync failed the pages count as written, and the
// next fsync says so; the same goes for the name of a manifest. Nothing of that is asked to be durable a second time.
// It is written anew, to other files.
Result<void> StoreWriter::make_durable(bool torn) {
  if (torn)  // first: with the new manifest the log is a leftover
    if (auto ok = folder_.set_aside(log_file_name(manifest_.log_number), kTornLogName); !ok) return ok;
  if (auto ok = write_out(has_many_deletes_files()); !ok) return ok;
  return remove_leftovers(folder_, manifest_);
}

// Every opening after changes leaves a small segment, and a program that is soon closed again gives the thread no time
// to merge them. It costs no more than a flush; where it fails the thread tries again, and tells.
void StoreWriter::merge_small_segments() {
  const std::atomic<bool> never = false;
  const std::size_t max_codes = std::min(options_.max_memory_codes, max_compacted_codes());
  while (const auto run = choose_compaction(segment_sizes(), max_codes)) {
    CompactionJob job = begin_compaction(*run);
    auto merged = write_merged(job, never);
    if (!merged || !install(job, std::move(*merged))) return;
  }
}

void StoreWriter::publish() { published_.store(contents_.snapshot(manifest_.space, manifest_.modality, ++version_)); }

Result<void> StoreWriter::check_usable() const {
  const std::optional<Error>& why = broken_ ? broken_ : log_->broken();
  if (!why) return {};
  return fail(ErrorCode::kIo, "the store takes no more changes since it could not make one durable: " + why->message,
              "searching goes on; check the disk, then open the store again (restart the program)");
}

bool StoreWriter::memory_reaches(std::size_t share_percent) const {
  return contents_.memory().count() * 100 >= options_.max_memory_codes * share_percent ||
         contents_.memory().bytes() * 100 >= options_.max_memory_bytes * share_percent ||
         // Removed rows are in the log only.
         log_->end_bytes() * 100 >= (2 * options_.max_memory_bytes + (std::size_t{1} << 20)) * share_percent;
}

void StoreWriter::flush_if_full() {
  if (!memory_reaches(flush_at_percent_)) return;
  if (const auto done = flush(); !done) {
    flush_error_ = done.error();
    flush_at_percent_ = std::min(flush_at_percent_ + 10, kMostPercent);
  }
}

Result<void> StoreWriter::make_room() {
  if (!memory_reaches(kMostPercent)) return {};
  return flush();
}

Result<void> StoreWriter::append(CommitQueue::Group group) {
  if (auto ok = check_usable(); !ok) return ok;
  if (auto ok = make_room(); !ok) return ok;
  std::vector<std::uint64_t> records;
  std::uint64_t sequence = next_sequence_;
  for (const auto& change : group) {
    seal_record(change->record, log_->header_checksum(), sequence++, next_sequence_);
    records.insert(records.end(), change->record.begin(), change->record.end());
  }
  return log_->append(records);
}

void StoreWriter::commit(CommitQueue::Group group) {
  const auto appended = append(group);
  for (const auto& change : group) change->result = appended;
  if (!appended) return;
  for (const auto& change : group) contents_.apply(change_in(change->record, manifest_.space.bits));
  next_sequence_ += group.size();
  stats_.changes += group.size();
  ++stats_.groups;
  publish();
  flush_if_full();
}

Result<std::optional<LiveSegment>> StoreWriter::write_memory(StoreManifest& next, std::vector<std::string>& created) {
  if (contents_.memory().live_count() == 0) return std::nullopt;
  const MemoryCodes::Sorted sorted = contents_.memory().sorted();
  const StoredSegment stored{.number = next_number_++, .last_sequence = next_sequence_ - 1};
  created.push_back(stored.file_name());
  auto segment = write_stored_segment(folder_, next, stored, sorted.rows, sorted.codes.view());
  if (!segment) return std::unexpected(segment.error());
  next.segments.push_back(segment->stored());
  return std::move(*segment);
}

Result<void> StoreWriter::write_deletes(StoreManifest& next, std::vector<DeletedPositions> deletes,
                                        std::vector<std::string>& created) {
  std::erase_if(deletes, [](const DeletedPositions& deleted) { return deleted.positions.empty(); });
  if (deletes.empty()) return {};
  const std::uint64_t number = next_number_++;
  const auto bytes = deletes_bytes(identity_, deletes);
  created.push_back(deletes_file_name(number));
  if (auto ok = folder_.replace(created.back(), bytes, StoreStep::kWriteDeletes); !ok) return ok;
  next.deletes.push_back({number, store_bytes_identity(bytes)});
  return {};
}

Result<LogWriter> StoreWriter::begin_log(StoreManifest& next, std::vector<std::string>& created) {
  next.log_number = next_number_++;
  next.first_sequence = next_sequence_;
  created.push_back(log_file_name(next.log_number));
  return LogWriter::create(folder_, {next.log_number, next.first_sequence, drawn_salt(), identity_, next.space.bits});
}

// From here on the store is what `next` says, or it stays what it was and nothing of `created` is left.
Result<void> StoreWriter::replace_manifest(StoreManifest& next, const std::vector<std::string>& created) {
  next.generation = manifest_.generation + 1;
  next.next_number = next_number_;
  auto done = folder_.sync();  // a manifest names only files that are there
  if (done) done = write_manifest(folder_, next);
  if (!done) {
    for (const std::string& name : created) folder_.remove(name);
    return done;
  }
  if (auto ok = folder_.sync(); !ok) {
    // After a power cut the old manifest may be there or the new one: both sets of files stay, and so does the state.
    broken_ = ok.error();
    return ok;
  }
  return {};
}

void StoreWriter::remove_unnamed(const StoreManifest& former) {
  const auto named = named_files(manifest_);
  for (const std::string& name : named_files(former))
    if (!named.contains(name)) obsolete_.remove(name);
}

Result<void> StoreWriter::flush() {
  if (auto ok = check_usable(); !ok) return ok;
  if (next_sequence_ == manifest_.first_sequence) return {};
  const StoreManifest former = manifest_;
  if (auto ok = write_out(has_many_deletes_files()); !ok) return ok;
  flush_at_percent_ = 100;
  flush_error_.reset();
  ++stats_.flushes;
  publish();
  remove_unnamed(former);
  return {};
}

bool StoreWriter::has_many_deletes_files() const { return manifest_.deletes.size() >= kMaxDeletesFiles; }

Result<void> StoreWriter::write_out(bool one_deletes_file) {
  StoreManifest next = manifest_;
  std::vector<std::string> created;
  const auto give_up = [&](const Error& error) {
    for (const std::string& name : created) folder_.remove(name);
    return std::unexpected(error);
  };
  auto segment = write_memory(next, created);
  if (!segment) return give_up(segment.error());
  std::vector<DeletedPositions> deletes;
  if (one_deletes_file) next.deletes.clear();
  for (const LiveSegment& live : contents_.segments())
    deletes.push_back(one_deletes_file ? live.all_dead() : live.unsaved());
  if (auto ok = write_deletes(next, std::move(deletes), created); !ok) return give_up(ok.error());
  auto log = begin_log(next, created);
  if (!log) return give_up(log.error());
  if (auto ok = replace_manifest(next, created); !ok) return ok;

  log_ = std::move(*log);
  contents_.flushed(std::move(*segment));
  manifest_ = std::move(next);
  return {};
}

Result<void> StoreWriter::write_anew(StoreFolder folder, StoreLock lock, LoadedStore loaded,
                                     std::span<const std::string> set_aside) {
  PublishedSnapshot nobody;
  StoreWriter writer(std::move(folder), std::move(lock), {}, nobody, std::move(loaded));
  // First: with the manifest that does not name them they are leftovers, which whoever opens the store removes.
  for (const std::string& name : set_aside)
    if (auto ok = writer.folder_.set_aside(name, name + std::string(kDamagedSuffix)); !ok) return ok;
  if (auto ok = writer.folder_.sync(); !ok) return ok;
  if (auto ok = writer.write_out(true); !ok) return ok;
  return remove_leftovers(writer.folder_, writer.manifest_);
}

BackupPlan StoreWriter::backup_plan() const { return {manifest_, log_->end_bytes()}; }

CodeStoreStats StoreWriter::stats() const {
  CodeStoreStats stats = stats_;
  stats.background_error = flush_error_ ? flush_error_ : compaction_error_;
  stats.codes = contents_.live_count();
  for (const LiveSegment& segment : contents_.segments()) stats.dead += segment.count() - segment.live_count();
  stats.memory_codes = contents_.memory().count();
  stats.segments = contents_.segments().size();
  stats.generation = manifest_.generation;
  stats.log_bytes = log_->end_bytes();
  return stats;
}

}  // namespace warifu
