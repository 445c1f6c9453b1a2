#include "segments/owned_segment.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace warifu {

OwnedSegment own_segment(CodeSegment segment) {
  struct Owned {
    std::vector<std::int64_t> rows;
    CodeBlocks blocks;
  };
  auto owned = std::make_shared<Owned>(Owned{std::move(segment.rows), CodeBlocks(segment.codes)});
  assert(std::ranges::adjacent_find(owned->rows, std::ranges::greater_equal{}) == owned->rows.end() &&
         "rows ascend without repeats");
  const std::vector<std::int64_t>& rows = owned->rows;
  const BlockView codes = owned->blocks.view();
  assert(rows.size() == codes.count && codes.bits == segment.space.bits && "one code of the space for each row");
  const bool contiguous = !rows.empty() && rows.back() - rows.front() == static_cast<std::int64_t>(rows.size()) - 1;
  const RowsView view = contiguous ? RowsView::contiguous(rows.front(), rows.size()) : RowsView::listed(rows, true);
  return {std::move(segment.space), segment.modality, {codes, view, nullptr, codes.count}, std::move(owned)};
}

}  // namespace warifu
