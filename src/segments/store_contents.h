#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "segments/code_snapshot.h"
#include "segments/mapped_segment.h"
#include "segments/memory_codes.h"
#include "segments/store_deletes.h"
#include "segments/store_log.h"
#include "segments/store_manifest.h"

namespace warifu {

// A segment's file and which of its positions still count. The bits are shared with snapshots and copied before the
// first change after one was taken.
//
// Cost: a change in a segment of n codes copies n / 8 bytes once for each snapshot.
class LiveSegment {
 public:
  LiveSegment(StoredSegment stored, std::shared_ptr<const MappedSegment> file)
      : stored_(stored), file_(std::move(file)), live_count_(file_->count()) {}

  const StoredSegment& stored() const { return stored_; }
  const std::shared_ptr<const MappedSegment>& file() const { return file_; }
  std::size_t count() const { return file_->count(); }
  std::size_t live_count() const { return live_count_; }
  bool live(std::size_t position) const { return ((live_word(position / 64) >> (position % 64)) & 1U) != 0; }
  // Of the positions from 64 * word on; bits behind the last position have no meaning.
  std::uint64_t live_word(std::size_t word) const { return live_ ? (*live_)[word] : ~std::uint64_t{0}; }
  // The live position of a row.
  std::optional<std::size_t> find(std::int64_t row) const;
  // false: it was dead already.
  bool kill(std::size_t position);
  // For a snapshot; they are not changed any more.
  CodeSnapshot::Mapped share();

  // Positions that died since the last manifest, ascending; what its deletes files do not know yet.
  DeletedPositions unsaved() const;
  void forget_unsaved() { unsaved_.clear(); }
  // All that are dead, ascending.
  DeletedPositions all_dead() const;

 private:
  StoredSegment stored_;
  std::shared_ptr<const MappedSegment> file_;
  std::size_t live_count_;
  std::shared_ptr<LiveBits> live_;  // null: all live
  bool shared_ = false;
  std::vector<std::uint32_t> unsaved_;
};

// What a code store holds: its segments, and in memory what its log tells. The rule that a row is live at one
// position at most is kept here. Internal to segments/.
//
// Thread safety: one thread at a time.
class StoreContents {
 public:
  explicit StoreContents(std::uint32_t bits) : bits_(bits), memory_(bits) {}

  // Both replace what the rows had before.
  void put(std::int64_t row, std::span<const std::uint64_t> code);
  void remove(std::int64_t row);
  void apply(const LoggedChange& change);

  std::vector<LiveSegment>& segments() { return segments_; }
  const std::vector<LiveSegment>& segments() const { return segments_; }
  const MemoryCodes& memory() const { return memory_; }
  std::size_t live_count() const;

  // The codes in memory lie in `segment` now (if there are any).
  void flushed(std::optional<LiveSegment> segment);

  std::shared_ptr<const CodeSnapshot> snapshot(const CodeSpace& space, Modality modality, std::uint64_t version);

 private:
  std::uint32_t bits_;
  std::vector<LiveSegment> segments_;  // oldest first
  MemoryCodes memory_;
};

}  // namespace warifu
