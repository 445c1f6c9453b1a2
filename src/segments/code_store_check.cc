#include "segments/code_store_check.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/file.h"
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

// Collects what is intact of a store, file by file.
class Salvage {
 public:
  Salvage(const StoreFolder& folder, StoreManifest manifest, bool manifest_lost)
      : folder_(folder), loaded_{std::move(manifest), StoreContents(0), {}, 1}, manifest_lost_(manifest_lost) {
    loaded_.contents = StoreContents(loaded_.manifest.space.bits);
    loaded_.next_sequence = loaded_.manifest.first_sequence;
    if (manifest_lost_) ambiguous_ = true;
  }

  void take_segments() {
    for (const StoredSegment& stored : std::exchange(loaded_.manifest.segments, {})) take_segment(stored);
  }
  void take_deletes() {
    for (const StoredDeletes& stored : std::exchange(loaded_.manifest.deletes, {})) take_deletes(stored);
  }
  // Of each row that is live in several segments the newest code stays.
  void settle_rows() {
    auto& segments = loaded_.contents.segments();
    if (!ambiguous_) return;
    for (std::size_t newer = segments.size(); newer-- > 1;)
      for (std::size_t i = 0; i < segments[newer].count(); ++i)
        if (segments[newer].live(i)) kill_older(newer, segments[newer].file()->rows()[i]);
  }
  void take_log(std::uint64_t number);
  void count_duplicates();

  StoreReport& report() { return report_; }
  std::vector<std::string>& set_aside() { return set_aside_; }
  LoadedStore take() { return std::move(loaded_); }
  void finish() { report_.codes = loaded_.contents.live_count(); }
  void damaged(const std::string& name, const Error& error, std::string loss) {
    report_.problems.push_back(error.message);
    report_.losses.push_back(std::move(loss));
    if (error.code != ErrorCode::kNotFound) set_aside_.push_back(name);
  }

 private:
  void take_segment(StoredSegment stored) {
    const std::string name = stored.file_name();
    if (manifest_lost_ && !identify(stored)) return;
    auto file = open_stored_segment(folder_, loaded_.manifest, stored, SegmentCheck::kWhole);
    if (!file) {
      damaged(name, file.error(), name + ": " + (stored.count > 0 ? std::to_string(stored.count) : "all") + " codes");
      return;
    }
    ++report_.segments;
    loaded_.manifest.segments.push_back(stored);
    loaded_.contents.segments().emplace_back(stored, std::move(*file));
    newest_in_segments_ = std::max(newest_in_segments_, stored.last_sequence);
    loaded_.next_sequence = std::max(loaded_.next_sequence, stored.last_sequence + 1);
  }
  // Without a manifest a segment says itself how many codes it has.
  bool identify(StoredSegment& stored) {
    const std::string name = stored.file_name();
    const auto file = MappedSegment::open(folder_.file(name), SegmentCheck::kHeader);
    const auto identity = segment_identity(folder_.file(name));
    if (!file || !identity) {
      damaged(name, file ? identity.error() : file.error(), name + ": all codes");
      return false;
    }
    stored.count = (*file)->count();
    stored.identity = *identity;
    return true;
  }
  void take_deletes(const StoredDeletes& stored) {
    auto deletes = read_deletes(folder_, loaded_.manifest, stored);
    auto applied = deletes ? apply_deletes(loaded_.contents, *deletes) : std::unexpected(deletes.error());
    if (applied) return;
    ambiguous_ = true;
    const std::string name = deletes_file_name(stored.number);
    damaged(name, applied.error(), name + ": rows that were removed may be back");
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

void Salvage::take_log(std::uint64_t number) {
  const std::string name = log_file_name(number);
  const auto bytes = read_file(folder_.file(name), kMaxStoreFileBytes);
  auto log = bytes ? parse_log(*bytes) : std::unexpected(bytes.error());
  const bool ours = log && log->header.number == number && log->header.bits == loaded_.manifest.space.bits &&
                    log->header.identity == store_identity(loaded_.manifest.space, loaded_.manifest.modality) &&
                    (manifest_lost_ || log->header.first_sequence == loaded_.manifest.first_sequence);
  if (log && !ours) log = damaged_store("the log of another store lies under this name");
  if (!log) {
    const std::string path = bytes ? folder_.file(name).string() + ": " : "";
    damaged(name, {log.error().code, path + log.error().message, {}},
            name + ": every change since change " + std::to_string(loaded_.next_sequence));
    return;
  }
  for (const LoggedChange& change : log->changes) apply(change);
  if (log->torn && !log->damage)
    report_.notes.push_back(folder_.file(name).string() + ": the end, from byte " + std::to_string(log->end_bytes) +
                            " on, is a write that a crash interrupted, or damage: nobody can tell. Whoever opens the " +
                            "store to change it cuts that off and keeps this file as " + std::string(kTornLogName));
  if (!log->damage) return;
  damaged(name, {ErrorCode::kBadFormat, folder_.file(name).string() + ": " + *log->damage, {}},
          name + ": " + lost_changes(*log));
  for (const LoggedChange& change : log->later) apply(change);
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
      const bool whole = bytes && bytes->size() >= sizeof(std::uint32_t);
      manifest.deletes.push_back({file.number, whole ? store_bytes_identity(*bytes) : 0});
    }
    if (file.kind == StoreFileKind::kLog) logs.push_back(file.number);
  }
  std::ranges::sort(manifest.segments, {},
                    [](const StoredSegment& segment) { return std::pair(segment.last_sequence, segment.number); });
  return manifest;
}

void collect(Salvage& salvage, std::span<const std::uint64_t> logs) {
  salvage.take_segments();
  salvage.take_deletes();
  salvage.count_duplicates();
  salvage.settle_rows();
  for (const std::uint64_t log : logs) salvage.take_log(log);
  salvage.finish();
}

}  // namespace

Result<StoreReport> check_code_store(const std::filesystem::path& path) {
  const StoreFolder folder(path);
  const auto files = folder.files();
  if (!files) return std::unexpected(files.error());
  const auto manifest = read_manifest(folder);
  if (!manifest) {
    if (files->empty()) return fail(ErrorCode::kNotFound, path.string() + ": there is no code store");
    return StoreReport{.problems = {manifest.error().message}, .losses = {}, .notes = {}};
  }
  Salvage salvage(folder, *manifest, false);
  collect(salvage, std::vector{manifest->log_number});
  salvage.report().losses.clear();
  if (std::error_code ignored; std::filesystem::exists(folder.file(kTornLogName), ignored))
    salvage.report().notes.push_back(folder.file(kTornLogName).string() +
                                     ": a log whose end was cut off after a crash; remove it if nothing is missing");
  return salvage.report();
}

Result<StoreReport> repair_code_store(const std::filesystem::path& path, const CodeSpace& space, Modality modality) {
  StoreFolder folder(path);
  const auto files = folder.files();
  if (!files) return std::unexpected(files.error());
  if (files->empty()) return fail(ErrorCode::kNotFound, path.string() + ": there is no code store");
  auto lock = StoreLock::take(folder);
  if (!lock) return std::unexpected(lock.error());
  auto manifest = read_manifest(folder);
  const std::optional<Error> lost = manifest ? std::nullopt : std::optional(manifest.error());
  if (lost && lost->code == ErrorCode::kIncompatible) return std::unexpected(*lost);
  std::vector<std::uint64_t> logs;
  if (lost)
    manifest = manifest_from_names(folder, space, modality, logs);
  else
    logs = {manifest->log_number};
  if (!manifest) return std::unexpected(manifest.error());
  if (auto ok = check_store_space(*manifest, space, modality); !ok) return with_context(path.string(), ok.error());

  Salvage salvage(folder, std::move(*manifest), lost.has_value());
  if (lost) {
    salvage.report().problems.push_back(lost->message);
    salvage.report().losses.push_back(std::string(kStoreManifestName) +
                                      ": rows that were removed or replaced lately may show an older code");
  }
  collect(salvage, logs);
  StoreReport report = salvage.report();
  if (report.problems.empty()) return report;
  if (lost && lost->code != ErrorCode::kNotFound) {
    // It is about to be replaced in its place.
    std::error_code reason;
    std::filesystem::copy_file(folder.file(kStoreManifestName),
                               folder.file(std::string(kStoreManifestName) + std::string(kDamagedSuffix)),
                               std::filesystem::copy_options::overwrite_existing, reason);
    if (reason) return store_io_error(folder.file(kStoreManifestName), reason.value());
  }
  const std::vector<std::string> set_aside = salvage.set_aside();
  if (auto ok = StoreWriter::write_anew(std::move(folder), std::move(*lock), salvage.take(), set_aside); !ok)
    return std::unexpected(ok.error());
  return report;
}

}  // namespace warifu
