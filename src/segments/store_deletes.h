#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "segments/store_manifest.h"

// The positions of segments that were deleted or replaced between two flushes, in a file of their own:
// docs/reference/formats/code-store.md. Internal to segments/.
namespace warifu {

// Positions of one segment that do not count any more.
struct DeletedPositions {
  std::uint64_t segment = 0;             // its number
  std::vector<std::uint32_t> positions;  // ascending, without repeats

  bool operator==(const DeletedPositions&) const = default;
};

std::vector<std::byte> deletes_bytes(const StoreIdentity& identity, std::span<const DeletedPositions> deletes);

// `bytes` is the whole file and hostile. kBadFormat, also for another identity; kIncompatible for a newer version.
Result<std::vector<DeletedPositions>> parse_deletes(std::span<const std::byte> bytes, const StoreIdentity& identity);

}  // namespace warifu
