#pragma once

#include <memory>
#include <vector>

#include "index/index.h"
#include "segments/code_segment.h"
#include "segments/segment_view.h"

namespace warifu {

// The exact scan of every code of some segments: no build time, no memory beyond the codes, and the reference for all
// other kinds. `owner` is held as long as the index lives; it keeps what the views look at. No row is live in two
// of them.
std::unique_ptr<Index> make_flat_index(CodeSpace space, Modality modality, const std::vector<SegmentView>& segments,
                                       std::shared_ptr<const void> owner);

// Over codes in memory. `segment` follows the rules of code_segment.h, as every one that was read does.
std::unique_ptr<Index> make_flat_index(CodeSegment segment);

}  // namespace warifu
