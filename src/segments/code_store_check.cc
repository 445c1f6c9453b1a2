#include "segments/code_store_check.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "segments/store_bytes.h"
#include "segments/store_files.h"
#include "segments/store_loading.h"
#include "segments/store_writer.h"

namespace warifu {
namespace {

// "changes 5 to 7, 12 to 12 and all after 20"
std::string lost_changes(const LogContents& log) {
  std::uint64_t expected = log.header.first_sequence + log.changes.size();
  std::string gaps;
  for (const LoggedChange& change : log.later) {
    if (change.sequence > expected)
      gaps += (gaps.empty() ? "" : ", ") + std::to_string(expected) + " to " + std::to_string(change.sequence - 1);
    expected = change.sequence + 1;
  }
  const std::string end = "all after " + std::to_string(expected - 1);
  return gaps.empty() ? end : "changes " + gaps + " and " + end;
}

// What a store can be made usable without: a file that is not there, or breaks its format. Of one that cannot be read
// now, or only by a newer program, nobody here knows what is in it.
bool is_lost(const Error& error) { return error.code == ErrorCode::kNotFound || error.code == ErrorCode::kBadFormat; }

Fail unreadable(Error error) {
  if (error.hint.empty())
    error.hint = "nothing was changed: see to the disk and the rights to the file, then run 'warifu doctor' again";
  return Fail(std::move(error));
}

// Of a segment of any version: its header ends where byte 12 says, with the checksum of what is before.
bool header_is_damaged(const std::filesystem::path& path) {
  std::uint32_t length = 0;
  std::uint32_t checksum = 0;
  const auto file = MappedFile::open(path);
  if (!file) return false;  // that is something else
  if (file->bytes().size() < 16) return true;
  std::memcpy(&length, &file->bytes()[12], sizeof length);
  if (length < 16 || length > file->bytes().size()) return true;
  const auto checked = file->bytes().first(length - sizeof checksum);
  std::memcpy(&checksum, &file->bytes()[checked.size()], sizeof checksum);
  return checksum != crc32c(checked);
}

// A version that nobody wrote, by a flipped bit, is damage; the other files say theirs under their checksums.
Error error_of_segment(const std::filesystem::path& path, Error error) {
  if (error.code != ErrorCode::kIncompatible || !header_is_damaged(path)) return error;
  return {ErrorCode::kBadFormat, error.message + ", or it is damaged: its checksum does not match", {}};
}

// Collects what is intact of a store, file by file. Its steps fail where a file is neither intact nor lost.
class Salvage {
 public:
  Salvage(const StoreFolder& folder, StoreManifest manifest, bool manifest_lost)
      : folder_(folder), loaded_{std::move(manifest), StoreContents(0), {}, 1}, manifest_lost_(manifest_lost) {
    loaded_.contents = StoreContents(loaded_.manifest.space.bits);
    loaded_.next_sequence = loaded_.manifest.first_sequence;
    if (manifest_lost_) ambiguous_ = true;
  }

  Result<void> take_segments() {
    for (const StoredSegment& stored : std::exchange(loaded_.manifest.segments, {}))
      if (auto ok = take_segment(stored); !ok) return ok;
    return {};
  }
  Result<void> take_deletes() {
    for (const StoredDeletes& stored : std::exchange(loaded_.manifest.deletes, {}))
      if (auto ok = take_deletes(stored); !ok) return ok;
    return {};
  }
  // Of each row that is live in several segments the newest code stays.
  void settle_rows() {
    auto& segments = loaded_.contents.segments();
    if (!ambiguous_) return;
    for (std::size_t newer = segments.size(); newer-- > 1;)
      for (std::size_t i = 0; i < segments[newer].count(); ++i)
        if (segments[newer].live(i)) kill_older(newer, segments[newer].file()->rows()[i]);
  }
  Result<void> take_log(std::uint64_t number);
  void count_duplicates();

  StoreReport& report() { return report_; }
  std::vector<std::string>& set_aside() { return set_aside_; }
  LoadedStore take() { return std::move(loaded_); }
  void finish() { report_.codes = loaded_.contents.live_count(); }
  // Goes on without a file.
  Result<void> damaged(const std::string& name, const Error& error, std::string loss) {
    if (!is_lost(error)) return unreadable(error);
    report_.problems.push_back(error.message);
    report_.losses.push_back(std::move(loss));
    if (error.code != ErrorCode::kNotFound) set_aside_.push_back(name);
    return {};
  }

 private:
  Result<void> take_segment(StoredSegment stored) {
    const std::string name = stored.file_name();
    const auto lost = [&](const Error& error, const std::string& count) {
      return damaged(name, error_of_segment(folder_.file(name), error), name + ": " + count + " codes");
    };
    const auto identified = manifest_lost_ ? identify(stored) : Result<void>{};
    if (!identified) return lost(identified.error(), "all");
    auto file = open_stored_segment(folder_, loaded_.manifest, stored, SegmentCheck::kWhole);
    if (!file) return lost(file.error(), std::to_string(stored.count));
    ++report_.segments;
    loaded_.manifest.segments.push_back(stored);
    loaded_.contents.segments().emplace_back(stored, std::move(*file));
    newest_in_segments_ = std::max(newest_in_segments_, stored.last_sequence);
    loaded_.next_sequence = std::max(loaded_.next_sequence, stored.last_sequence + 1);
    return {};
  }
  // Without a manifest a segment says itself how many codes it has, and what a manifest would not name is found here.
  Result<void> identify(StoredSegment& stored) {
    const auto path = folder_.file(stored.file_name());
    const auto file = MappedSegment::open(path, SegmentCheck::kHeader);
    if (!file) return std::unexpected(file.error());
    const auto identity = segment_identity(path);
    if (!identity) return std::unexpected(identity.error());
    // Not a damaged segment of this space: more likely it is the caller who is wrong.
    const StoreManifest of_file{.space = (*file)->space(), .modality = (*file)->modality()};
    if (auto ok = check_store_space(of_file, loaded_.manifest.space, loaded_.manifest.modality); !ok)
      return with_context(path.string(), ok.error());
    const auto& taken = loaded_.manifest.segments;
    const auto same = std::ranges::find(taken, stored.number, &StoredSegment::number);
    if (same != taken.end()) return damaged_store(path.string() + ": its number is that of " + same->file_name());
    if ((*file)->count() == 0)
      return damaged_store(path.string() + ": it has no codes, and stores keep no such segment");
    stored.count = (*file)->count();
    stored.identity = *identity;
    return {};
  }
  Result<void> take_deletes(const StoredDeletes& stored) {
    auto deletes = read_deletes(folder_, loaded_.manifest, stored);
    auto applied = deletes ? apply_deletes(loaded_.contents, *deletes) : std::unexpected(deletes.error());
    if (applied) return {};
    ambiguous_ = true;
    const std::string name = deletes_file_name(stored.number);
    return damaged(name, applied.error(), name + ": rows that were removed may be back");
  }
  void kill_older(std::size_t newer, std::int64_t row) {
    auto& segments = loaded_.contents.segments();
    for (std::size_t older = 0; older < newer; ++older)
      if (const auto position = segments[older].find(row)) segments[older].kill(*position);
  }
  void apply(const LoggedChange& change) {
    // Without a manifest a log may be one that was written out long ago.
    if (manifest_lost_ && change.sequence <= newest_in_segments_) return;
    loaded_.contents.apply(change);
    loaded_.next_sequence = std::max(loaded_.next_sequence, change.sequence + 1);
    ++report_.changes;
  }

  const StoreFolder& folder_;
  LoadedStore loaded_;
  bool manifest_lost_;
  bool ambiguous_ = false;
  std::uint64_t newest_in_segments_ = 0;
  StoreReport report_;
  std::vector<std::string> set_aside_;
};

Result<void> Salvage::take_log(std::uint64_t number) {
  const std::string name = log_file_name(number);
  const auto bytes = read_file(folder_.file(name), kMaxStoreFileBytes);
  auto log = bytes ? parse_log(*bytes) : std::unexpected(bytes.error());
  const bool ours = log && log->header.number == number && log->header.bits == loaded_.manifest.space.bits &&
                    log->header.identity == store_identity(loaded_.manifest.space, loaded_.manifest.modality) &&
                    (manifest_lost_ ? log->header.first_sequence < kStoreNumberEnd
                                    : log->header.first_sequence == loaded_.manifest.first_sequence);
  if (log && !ours) log = damaged_store("the log of another store lies under this name");
  if (!log) {
    const std::string path = bytes ? folder_.file(name).string() + ": " : "";
    return damaged(name, {log.error().code, path + log.error().message, log.error().hint},
                   name + ": every change since change " + std::to_string(loaded_.next_sequence));
  }
  for (const LoggedChange& change : log->changes) apply(change);
  if (log->torn && !log->damage) {
    set_aside_.push_back(name);
    report_.notes.push_back(folder_.file(name).string() + ": the end, from byte " + std::to_string(log->end_bytes) +
                            " on, is a write that a crash interrupted, or damage: nobody can tell. Whoever opens the " +
                            "store to change it cuts that off and keeps this file as " + std::string(kTornLogName) +
                            ", a repair as " + name + std::string(kDamagedSuffix));
  }
  if (!log->damage) return {};
  for (const LoggedChange& change : log->later) apply(change);
  return damaged(name, damaged_store(folder_.file(name).string() + ": " + *log->damage).error(),
                 name + ": " + lost_changes(*log));
}

void Salvage::count_duplicates() {
  std::vector<std::int64_t> rows;
  for (const LiveSegment& segment : loaded_.contents.segments())
    for (std::size_t i = 0; i < segment.count(); ++i)
      if (segment.live(i)) rows.push_back(segment.file()->rows()[i]);
  std::ranges::sort(rows);
  const auto twice = std::ranges::adjacent_find(rows);
  if (twice == rows.end()) return;
  report_.problems.push_back(folder_.path().string() + ": row " + std::to_string(*twice) + " is live twice");
  ambiguous_ = true;
}

// What the names of the files tell when the manifest is lost.
Result<StoreManifest> manifest_from_names(const StoreFolder& folder, const CodeSpace& space, Modality modality,
                                          std::vector<std::uint64_t>& logs) {
  const auto files = folder.files();
  if (!files) return std::unexpected(files.error());
  StoreManifest manifest{.space = space, .modality = modality};
  for (const StoreFileName& file : *files) {
    manifest.next_number = std::max(manifest.next_number, file.number + 1);
    if (file.kind == StoreFileKind::kSegment)
      manifest.segments.push_back({.number = file.number, .last_sequence = file.last_sequence});
    if (file.kind == StoreFileKind::kDeletes) {
      const auto bytes = read_file(folder.file(file.name), kMaxStoreFileBytes);
      if (!bytes && !is_lost(bytes.error())) return unreadable(bytes.error());
      const bool whole = bytes && bytes->size() >= sizeof(std::uint32_t);
      manifest.deletes.push_back({file.number, whole ? store_bytes_identity(*bytes) : 0});
    }
    if (file.kind == StoreFileKind::kLog) logs.push_back(file.number);
  }
  std::ranges::sort(manifest.segments, {},
                    [](const StoredSegment& segment) { return std::pair(segment.last_sequence, segment.number); });
  return manifest;
}

Result<void> collect(Salvage& salvage, std::span<const std::uint64_t> logs) {
  if (auto ok = salvage.take_segments(); !ok) return ok;
  if (auto ok = salvage.take_deletes(); !ok) return ok;
  salvage.count_duplicates();
  salvage.settle_rows();
  for (const std::uint64_t log : logs)
    if (auto ok = salvage.take_log(log); !ok) return ok;
  salvage.finish();
  return {};
}

}  // namespace

Result<StoreReport> check_code_store(const std::filesystem::path& path) {
  const StoreFolder folder(path);
  const auto files = folder.files();
  if (!files) return std::unexpected(files.error());
  if (files->empty()) return fail(ErrorCode::kNotFound, path.string() + ": there is no code store");
  const auto manifest = read_manifest(folder);
  if (!manifest && !is_lost(manifest.error())) return unreadable(manifest.error());
  if (!manifest) return StoreReport{.problems = {manifest.error().message}, .losses = {}, .notes = {}};
  Salvage salvage(folder, *manifest, false);
  if (auto ok = collect(salvage, std::vector{manifest->log_number}); !ok) return std::unexpected(ok.error());
  salvage.report().losses.clear();
  if (std::error_code ignored; std::filesystem::exists(folder.file(kTornLogName), ignored))
    salvage.report().notes.push_back(folder.file(kTornLogName).string() +
                                     ": a log whose end was cut off after a crash; remove it if nothing is missing");
  return salvage.report();
}

Result<StoreReport> repair_code_store(const std::filesystem::path& path, const CodeSpace& space, Modality modality,
                                      const StoreStepHook& step_hook) {
  StoreFolder folder(path, step_hook);
  const auto files = folder.files();
  if (!files) return std::unexpected(files.error());
  if (files->empty()) return fail(ErrorCode::kNotFound, path.string() + ": there is no code store");
  auto lock = StoreLock::take(folder);
  if (!lock) return std::unexpected(lock.error());
  auto manifest = read_manifest(folder);
  const std::optional<Error> lost = manifest ? std::nullopt : std::optional(manifest.error());
  if (lost && !is_lost(*lost)) return unreadable(*lost);
  std::vector<std::uint64_t> logs;
  if (lost)
    manifest = manifest_from_names(folder, space, modality, logs);
  else
    logs = {manifest->log_number};
  if (!manifest) return std::unexpected(manifest.error());
  if (auto ok = check_store_space(*manifest, space, modality); !ok) return with_context(path.string(), ok.error());

  Salvage salvage(folder, std::move(*manifest), lost.has_value());
  const std::string manifest_name(kStoreManifestName);
  auto collected =
      lost ? salvage.damaged(manifest_name, *lost,
                             manifest_name + ": rows that were removed or replaced lately may show an older code")
           : Result<void>{};
  if (collected) collected = collect(salvage, logs);
  if (!collected) return std::unexpected(collected.error());
  StoreReport report = salvage.report();
  if (report.problems.empty()) return report;
  const std::vector<std::string> set_aside = salvage.set_aside();
  if (auto ok = StoreWriter::write_anew(std::move(folder), std::move(*lock), salvage.take(), set_aside); !ok)
    return std::unexpected(ok.error());
  return report;
}

}  // namespace warifu
