#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "codes/code_blocks.h"
#include "segments/code_snapshot.h"

// Which segments of a code store become one, and the codes of that one. Internal to segments/.
namespace warifu {

struct SegmentSize {
  std::size_t count = 0;  // codes
  std::size_t live = 0;   // of them
};

// Neighbours in the store's list: what is merged lies between all that is older and all that is newer, so the list
// stays ordered by age, and when deletes are lost the newer of two codes of a row is still known.
struct SegmentRun {
  std::size_t first = 0;
  std::size_t count = 0;

  bool operator==(const SegmentRun&) const = default;
};

// The run that is worth the most now: one segment of which more than a quarter is dead, or four or more neighbours of
// about one size (within a factor of 4; smaller ones among them come along), the largest no larger than the rest
// together. So a code is written again about once for each fourfold growth. Segments that have more than a quarter of
// `max_codes` live are not merged any more, and those that have more live than that are not written again at all.
//
// Source: size-tiered ("universal") compaction; the trade-off is that of N. Dayan and S. Idreos, "Dostoevsky", SIGMOD
// 2018, section 2: tiering with size ratio 4.
std::optional<SegmentRun> choose_compaction(std::span<const SegmentSize> segments, std::size_t max_codes);

// The first run of neighbours that has dead codes or more than one segment, as long as its live codes are at most
// `max_codes`; starting at segment `from`.
std::optional<SegmentRun> choose_full_compaction(std::span<const SegmentSize> segments, std::size_t from,
                                                 std::size_t max_codes);

struct MergedCodes {
  std::vector<std::int64_t> rows;  // ascending
  CodeBlocks codes;
};

// The live codes of all sources. kUnavailable when `stop` is set meanwhile.
//
// Memory: that of the result.
Result<MergedCodes> merge_codes(std::span<const CodeSnapshot::Mapped> sources, std::uint32_t bits,
                                const std::atomic<bool>& stop);

}  // namespace warifu
