#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/error.h"
#include "codes/code_space.h"
#include "segments/mapped_segment.h"
#include "segments/store_contents.h"
#include "segments/store_folder.h"
#include "segments/store_log.h"
#include "segments/store_manifest.h"

// From the files of a code store to what it holds. Internal to segments/.
namespace warifu {

inline constexpr std::size_t kMaxManifestBytes = std::size_t{16} << 20;
inline constexpr std::size_t kMaxStoreFileBytes = std::size_t{1} << 40;  // of logs and deletes

struct LoadedStore {
  StoreManifest manifest;
  StoreContents contents;
  LogContents log;
  std::uint64_t next_sequence = 1;
};

// kNotFound: there is none.
Result<StoreManifest> read_manifest(const StoreFolder& folder);

// kIncompatible unless the store is of this space and modality.
Result<void> check_store_space(const StoreManifest& manifest, const CodeSpace& space, Modality modality);

// The file that a manifest names: kBadFormat if another file has its name.
Result<std::shared_ptr<const MappedSegment>> open_stored_segment(const StoreFolder& folder,
                                                                 const StoreManifest& manifest,
                                                                 const StoredSegment& stored, SegmentCheck check);
// The checksum of the header of a segment that was opened.
Result<std::uint32_t> segment_identity(const std::filesystem::path& path);

Result<std::vector<DeletedPositions>> read_deletes(const StoreFolder& folder, const StoreManifest& manifest,
                                                   const StoredDeletes& stored);
// kBadFormat for positions outside the segment; those of other segments are skipped (they were compacted away).
Result<void> apply_deletes(StoreContents& contents, std::span<const DeletedPositions> deletes);

// kBadFormat also for damage behind the header.
Result<LogContents> read_log(const StoreFolder& folder, const StoreManifest& manifest);

// All of it. kNotFound names the file that is missing.
Result<LoadedStore> load_store(const StoreFolder& folder, const StoreManifest& manifest);

// That of code_snapshot.h, with the folder's hook.
Result<std::shared_ptr<const CodeSnapshot>> load_code_snapshot(const StoreFolder& folder, const CodeSpace& space,
                                                               Modality modality);

}  // namespace warifu
