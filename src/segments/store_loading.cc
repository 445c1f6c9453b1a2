#include "segments/store_loading.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/file.h"
#include "segments/store_bytes.h"

namespace warifu {

Result<StoreManifest> read_manifest(const StoreFolder& folder) {
  const auto path = folder.file(kStoreManifestName);
  const auto bytes = read_file(path, kMaxManifestBytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto manifest = parse_manifest(*bytes);
  if (!manifest) return with_context(path.string(), manifest.error());
  return manifest;
}

Result<void> check_store_space(const StoreManifest& manifest, const CodeSpace& space, Modality modality) {
  if (manifest.space == space && manifest.modality == modality) return {};
  const auto words = [](const CodeSpace& of, Modality kind) {
    return of.name + " (" + of.method + ", " + std::to_string(of.bits) + " bits, generation " +
           std::to_string(of.generation) + ", model " + of.fingerprint + ") of modality " + modality_name(kind);
  };
  return fail(
      ErrorCode::kIncompatible,
      "the code store holds space " + words(manifest.space, manifest.modality) + ", not " + words(space, modality),
      "open it with its own space, or index the items again into another folder");
}

Result<std::uint32_t> segment_identity(const std::filesystem::path& path) {
  // Of every version: the length of the header at byte 12, its checksum at its end.
  std::array<std::byte, 16> start{};
  const StoreFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return store_io_error(path, errno);
  std::uint32_t header_bytes = 0;
  std::uint32_t checksum = 0;
  const ssize_t got = ::pread(file.get(), start.data(), start.size(), 0);
  if (got < 0) return store_io_error(path, errno);
  if (got != static_cast<ssize_t>(start.size())) return damaged_store(path.string() + ": too short for a code segment");
  std::memcpy(&header_bytes, start.data() + 12, sizeof header_bytes);
  if (header_bytes < 16 || ::pread(file.get(), &checksum, sizeof checksum, header_bytes - 4) != sizeof checksum)
    return damaged_store(path.string() + ": too short for a code segment");
  return checksum;
}

Result<std::shared_ptr<const MappedSegment>> open_stored_segment(const StoreFolder& folder,
                                                                 const StoreManifest& manifest,
                                                                 const StoredSegment& stored, SegmentCheck check) {
  const auto path = folder.file(stored.file_name());
  auto segment = MappedSegment::open(path, check);
  if (!segment && segment.error().code == ErrorCode::kBadFormat) return damaged_store(segment.error().message);
  if (!segment) return segment;
  const auto identity = segment_identity(path);
  if (!identity) return std::unexpected(identity.error());
  if (*identity != stored.identity || (*segment)->count() != stored.count || (*segment)->space() != manifest.space ||
      (*segment)->modality() != manifest.modality)
    return damaged_store(path.string() + ": another segment lies under this name");
  return segment;
}

Result<std::vector<DeletedPositions>> read_deletes(const StoreFolder& folder, const StoreManifest& manifest,
                                                   const StoredDeletes& stored) {
  const auto path = folder.file(deletes_file_name(stored.number));
  const auto bytes = read_file(path, kMaxStoreFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto deletes = parse_deletes(*bytes, store_identity(manifest.space, manifest.modality));
  if (!deletes) return with_context(path.string(), deletes.error());
  if (store_bytes_identity(*bytes) != stored.identity)
    return damaged_store(path.string() + ": other deletes lie under this name");
  return deletes;
}

Result<void> apply_deletes(StoreContents& contents, std::span<const DeletedPositions> deletes) {
  for (const DeletedPositions& deleted : deletes) {
    const auto segment = std::ranges::find_if(
        contents.segments(), [&](const LiveSegment& live) { return live.stored().number == deleted.segment; });
    if (segment == contents.segments().end()) continue;
    if (!deleted.positions.empty() && deleted.positions.back() >= segment->count())
      return damaged_store("deletes: position " + std::to_string(deleted.positions.back()) + " of segment " +
                           std::to_string(deleted.segment) + ", which has " + std::to_string(segment->count()));
    for (const std::uint32_t position : deleted.positions) segment->kill(position);
    segment->forget_unsaved();
  }
  return {};
}

Result<LogContents> read_log(const StoreFolder& folder, const StoreManifest& manifest) {
  const auto path = folder.file(log_file_name(manifest.log_number));
  if (auto ok = folder.before(StoreStep::kReadLog, path); !ok) return std::unexpected(ok.error());
  const auto bytes = read_file(path, kMaxStoreFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto log = parse_log(*bytes);
  if (!log) return with_context(path.string(), log.error());
  if (log->header.number != manifest.log_number || log->header.first_sequence != manifest.first_sequence ||
      log->header.bits != manifest.space.bits ||
      log->header.identity != store_identity(manifest.space, manifest.modality))
    return damaged_store(path.string() + ": the log of another store lies under this name");
  if (log->damage) return damaged_store(path.string() + ": " + *log->damage);
  return log;
}

Result<LoadedStore> load_store(const StoreFolder& folder, const StoreManifest& manifest) {
  LoadedStore store{manifest, StoreContents(manifest.space.bits), {}, manifest.first_sequence};
  for (const StoredSegment& stored : manifest.segments) {
    auto segment = open_stored_segment(folder, manifest, stored, SegmentCheck::kWhole);
    if (!segment) return std::unexpected(segment.error());
    store.contents.segments().emplace_back(stored, std::move(*segment));
  }
  for (const StoredDeletes& stored : manifest.deletes) {
    auto deletes = read_deletes(folder, manifest, stored);
    if (!deletes) return std::unexpected(deletes.error());
    if (auto ok = apply_deletes(store.contents, *deletes); !ok) return std::unexpected(ok.error());
  }
  auto log = read_log(folder, manifest);
  if (!log) return std::unexpected(log.error());
  store.log = std::move(*log);
  for (const LoggedChange& change : store.log.changes) store.contents.apply(change);
  store.next_sequence += store.log.changes.size();
  return store;
}

Result<StoreSpace> code_store_space(const std::filesystem::path& folder) {
  const auto manifest = read_manifest(StoreFolder(folder));
  if (!manifest) return std::unexpected(manifest.error());
  return StoreSpace{manifest->space, manifest->modality};
}

Result<std::shared_ptr<const CodeSnapshot>> load_code_snapshot(const StoreFolder& folder, const CodeSpace& space,
                                                               Modality modality) {
  const std::filesystem::path& path = folder.path();
  // A writer may remove files between our reading of the manifest and of what it names; the next manifest is there
  // by then.
  constexpr int kTries = 20;
  // It may also cut off what it could not append, and append again, while we read: half of the one and half of the
  // other looks like damage, but not for long.
  constexpr int kLooksAtDamage = 3;
  int looks = 0;
  std::uint64_t last_generation = 0;
  for (int i = 0; i < kTries; ++i) {
    const auto manifest = read_manifest(folder);
    if (!manifest) return std::unexpected(manifest.error());
    if (auto ok = check_store_space(*manifest, space, modality); !ok) return with_context(path.string(), ok.error());
    auto store = load_store(folder, *manifest);
    if (store) return store->contents.snapshot(manifest->space, manifest->modality, manifest->generation);
    if (store.error().code == ErrorCode::kBadFormat && ++looks < kLooksAtDamage) continue;
    if (store.error().code != ErrorCode::kNotFound) return std::unexpected(store.error());
    if (std::exchange(last_generation, manifest->generation) == manifest->generation)
      return damaged_store(store.error().message);
  }
  return fail(ErrorCode::kUnavailable, path.string() + ": its writer replaces files faster than they can be opened",
              "try again");
}

Result<std::shared_ptr<const CodeSnapshot>> load_code_snapshot(const std::filesystem::path& folder,
                                                               const CodeSpace& space, Modality modality) {
  return load_code_snapshot(StoreFolder(folder), space, modality);
}

}  // namespace warifu
