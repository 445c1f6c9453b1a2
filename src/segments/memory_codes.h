#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "codes/code_blocks.h"
#include "segments/segment_view.h"

namespace warifu {

struct MemoryStorage;

// What MemoryCodes held at one moment. Keeps what it shows alive.
//
// Thread safety: read only, also while the MemoryCodes it came from goes on.
class MemoryView {
 public:
  MemoryView() = default;
  std::size_t live_count() const;
  // Appends what is to be searched: the whole blocks, then the rest.
  void add_to(std::vector<SegmentView>& segments) const;
  // The words of a row's code, if it is live here.
  std::optional<std::vector<std::uint64_t>> find(std::int64_t row) const;

 private:
  friend class MemoryCodes;
  std::shared_ptr<const MemoryStorage> storage_;
  std::size_t count_ = 0;
  std::vector<std::uint64_t> live_;  // a word for each block
  CodeBlocks rest_;                  // the last block, if it is not whole
};

// The codes that a code store has not yet written to a segment, appended one after the other. Codes that a view
// shows are never written again: whole blocks are shared with views, of a block that still grows each view has a
// copy of its own. A row's newest position is found through a table that only grows. Internal to segments/.
//
// Thread safety: one thread at a time changes it.
class MemoryCodes {
 public:
  explicit MemoryCodes(std::uint32_t bits) : bits_(bits) {}

  std::size_t count() const { return count_; }  // positions, live or not
  std::size_t live_count() const { return live_count_; }
  std::size_t bytes() const;  // of memory that the codes take

  // The live position of a row.
  std::optional<std::uint32_t> find(std::int64_t row) const;
  // `row` is not live here.
  void append(std::int64_t row, std::span<const std::uint64_t> code);
  void kill(std::uint32_t position);
  MemoryView view() const;

  // Live codes by ascending row.
  struct Sorted {
    std::vector<std::int64_t> rows;
    CodeBlocks codes;
  };
  Sorted sorted() const;

 private:
  void grow();

  std::uint32_t bits_;
  std::size_t count_ = 0;
  std::size_t live_count_ = 0;
  std::vector<std::uint64_t> live_;
  std::shared_ptr<MemoryStorage> storage_;
};

// Copies code `from` of `source` to place `to`; both have the same bits.
void copy_code(const BlockView& source, std::size_t from, std::span<std::uint8_t> planes, std::size_t to);

}  // namespace warifu
