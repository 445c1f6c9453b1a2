#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "codes/code_space.h"
#include "segments/memory_codes.h"
#include "segments/segment_view.h"

namespace warifu {

class MappedSegment;
using LiveBits = std::vector<std::uint64_t>;

// The codes of a code store at one moment. A row is live at one position at most. It stays as it is for as long as
// it is held, whatever happens to the store: files that it maps can be read even when they have been removed.
//
// Thread safety: read only.
class CodeSnapshot {
 public:
  // A file with the bits of the positions that count; null: all do.
  struct Mapped {
    std::shared_ptr<const MappedSegment> file;
    std::shared_ptr<const LiveBits> live;
    std::size_t live_count = 0;
  };
  CodeSnapshot(CodeSpace space, Modality modality, std::uint64_t version, std::vector<Mapped> mapped,
               MemoryView memory);
  CodeSnapshot(const CodeSnapshot&) = delete;
  CodeSnapshot& operator=(const CodeSnapshot&) = delete;

  const CodeSpace& space() const { return space_; }
  Modality modality() const { return modality_; }
  // Grows with every snapshot that a store publishes while it is open.
  std::uint64_t version() const { return version_; }
  std::size_t count() const { return count_; }

  // Everything there is to search, in no particular order of rows. Only segments that lie in files have ascending
  // rows. Segments without a live code are left out.
  std::span<const SegmentView> segments() const { return segments_; }

  // The words of a row's code. A binary search in each file: for looking at items, not for scanning.
  std::optional<std::vector<std::uint64_t>> find(std::int64_t row) const;

 private:
  CodeSpace space_;
  Modality modality_;
  std::uint64_t version_;
  std::vector<Mapped> mapped_;
  MemoryView memory_;
  std::vector<SegmentView> segments_;
  std::size_t in_files_ = 0;  // the first of segments_ that lie in files
  std::size_t count_ = 0;
};

// Whose codes a code store holds. kNotFound where there is none; kBadFormat; kIncompatible for a newer version.
struct StoreSpace {
  CodeSpace space;
  Modality modality = Modality::kImage;
};
Result<StoreSpace> code_store_space(const std::filesystem::path& folder);

// The code store in `folder` as its files are now, for a process that only searches: takes no lock, writes nothing (a
// read-only disk will do), and may run while another process changes the store. Everything acknowledged is in it. It
// may also show changes that the writer is just making durable: not yet acknowledged, and gone if the power goes then
// (or if their fsync fails, when the writer's next opening writes out what it finds).
//
// kNotFound where there is no store; kIncompatible if it is of another space, modality or a newer version;
// kBadFormat with a hint if it is damaged; kIo; kUnavailable if the writer replaced files faster than they could be
// opened.
Result<std::shared_ptr<const CodeSnapshot>> load_code_snapshot(const std::filesystem::path& folder,
                                                               const CodeSpace& space, Modality modality);

}  // namespace warifu
