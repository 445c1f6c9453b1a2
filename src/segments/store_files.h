#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "codes/code_blocks.h"
#include "codes/code_space.h"
#include "segments/store_contents.h"
#include "segments/store_folder.h"
#include "segments/store_loading.h"
#include "segments/store_manifest.h"

// How the files of a code store come and go. Internal to segments/.
namespace warifu {

// For a new log.
std::uint64_t drawn_salt();

// In place of the manifest that is there; its name is durable after the folder's sync(). kInternal, and nothing is
// written, for one that nobody could read back.
Result<void> write_manifest(const StoreFolder& folder, const StoreManifest& manifest);

// The log whose end was cut off when the store was opened last after a crash. One at most is kept: it is there for
// somebody who misses what the crash should not have taken, and no program reads it.
inline constexpr std::string_view kTornLogName = "log.torn";

// What is in the folder; where there is no store, what a new one begins with (generation 0), of which nothing is
// written yet. Where only the manifest is missing that is damage (kBadFormat): a store must not begin anew over what
// is left of one.
Result<LoadedStore> load_or_create_store(const StoreFolder& folder, const CodeSpace& space, Modality modality);

std::set<std::string> named_files(const StoreManifest& manifest);

// Of crashes: files that were to be named by the next manifest, or removed after it.
Result<void> remove_leftovers(const StoreFolder& folder, const StoreManifest& manifest);

// A new segment of the manifest's space, durable, under the name that `stored` gives it (its count and identity are
// filled in). Rows ascend.
Result<LiveSegment> write_stored_segment(const StoreFolder& folder, const StoreManifest& manifest, StoredSegment stored,
                                         std::span<const std::int64_t> rows, const BlockView& codes);

}  // namespace warifu
