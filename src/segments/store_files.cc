#include "segments/store_files.h"

#include <unistd.h>

#include <system_error>
#include <utility>

#include "segments/code_segment.h"
#include "segments/store_bytes.h"

namespace warifu {

std::uint64_t drawn_salt() {
  std::uint64_t salt = 0;
  if (::getentropy(&salt, sizeof salt) != 0) salt = static_cast<std::uint64_t>(::getpid()) * 0x9E3779B97F4A7C15ULL;
  return salt;
}

Result<void> write_manifest(const StoreFolder& folder, const StoreManifest& manifest) {
  const auto bytes = manifest_bytes(manifest);
  if (const auto read = parse_manifest(bytes); !read || *read != manifest)
    return fail(ErrorCode::kInternal, folder.file(kStoreManifestName).string() + ": it was not replaced: " +
                                          (read ? "the new one would not be read as it is" : read.error().message));
  return folder.replace(kStoreManifestName, bytes, StoreStep::kWriteManifest);
}

namespace {

// A lost log or segment without a manifest must not be taken for an empty folder.
Result<void> check_nothing_to_lose(const StoreFolder& folder) {
  const auto files = folder.files();
  if (!files) return std::unexpected(files.error());
  for (const StoreFileName& file : *files) {
    std::error_code ignored;
    const bool empty_log = file.kind == StoreFileKind::kLog &&
                           std::filesystem::file_size(folder.file(file.name), ignored) <= kLogHeaderWords * 8;
    if (file.kind != StoreFileKind::kTemporary && !empty_log)
      return damaged_store(folder.file(kStoreManifestName).string() + ": missing, but " + file.name + " is there");
  }
  return {};
}

Result<LoadedStore> new_store(const StoreFolder& folder, const CodeSpace& space, Modality modality) {
  if (auto ok = check_nothing_to_lose(folder); !ok) return std::unexpected(ok.error());
  // Whoever made the folder may have been stopped before its name was durable.
  if (auto ok = folder.parent().sync(); !ok) return std::unexpected(ok.error());
  StoreManifest manifest{.space = space, .modality = modality, .generation = 0};
  return LoadedStore{std::move(manifest), StoreContents(space.bits), {}, 1};
}

}  // namespace

Result<LoadedStore> load_or_create_store(const StoreFolder& folder, const CodeSpace& space, Modality modality) {
  const auto manifest = read_manifest(folder);
  if (!manifest && manifest.error().code == ErrorCode::kNotFound) return new_store(folder, space, modality);
  if (!manifest) return std::unexpected(manifest.error());
  if (auto ok = check_store_space(*manifest, space, modality); !ok)
    return with_context(folder.path().string(), ok.error());
  auto loaded = load_store(folder, *manifest);
  if (!loaded && loaded.error().code == ErrorCode::kNotFound) return damaged_store(loaded.error().message);
  return loaded;
}

std::set<std::string> named_files(const StoreManifest& manifest) {
  std::set<std::string> names = {std::string(kStoreManifestName), log_file_name(manifest.log_number)};
  for (const StoredSegment& segment : manifest.segments) names.insert(segment.file_name());
  for (const StoredDeletes& deletes : manifest.deletes) names.insert(deletes_file_name(deletes.number));
  return names;
}

Result<void> remove_leftovers(const StoreFolder& folder, const StoreManifest& manifest) {
  const auto files = folder.files();
  if (!files) return std::unexpected(files.error());
  const auto named = named_files(manifest);
  for (const StoreFileName& file : *files)
    if (!named.contains(file.name)) folder.remove(file.name);
  return {};
}

Result<LiveSegment> write_stored_segment(const StoreFolder& folder, const StoreManifest& manifest, StoredSegment stored,
                                         std::span<const std::int64_t> rows, const BlockView& codes) {
  const auto path = folder.file(stored.file_name());
  if (auto ok = folder.before(StoreStep::kWriteSegment, path); !ok) return std::unexpected(ok.error());
  if (auto ok = write_code_segment(path, manifest.space, manifest.modality, rows, codes); !ok) {
    Error error = ok.error();
    if (error.code == ErrorCode::kIo && error.hint.empty())
      error.hint = "make room on the disk and try again; what was acknowledged is safe in the log";
    return std::unexpected(error);
  }
  const auto identity = segment_identity(path);
  if (!identity) return std::unexpected(identity.error());
  stored.identity = *identity;
  stored.count = rows.size();
  auto file = open_stored_segment(folder, manifest, stored, SegmentCheck::kHeader);
  if (!file) return std::unexpected(file.error());
  return LiveSegment(stored, std::move(*file));
}

}  // namespace warifu
