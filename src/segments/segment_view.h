#pragma once

#include <cstddef>
#include <cstdint>

#include "codes/code_blocks.h"
#include "segments/rows_view.h"

namespace warifu {

// One run of codes that is searched as a whole: a mapped segment, or what a store holds in memory. Owns nothing.
struct SegmentView {
  BlockView codes;
  RowsView rows;  // [codes.count]
  // Bit i % 64 of live[i / 64]: whether position i still counts (it was neither deleted nor replaced since).
  // codes.blocks() words; null: all count. Bits behind the last position have no meaning.
  const std::uint64_t* live = nullptr;
  std::size_t live_count = 0;  // positions that count

  bool is_live(std::size_t position) const {
    return live == nullptr || (live[position / 64] >> (position % 64) & 1) != 0;
  }
};

}  // namespace warifu
