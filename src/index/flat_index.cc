#include "index/flat_index.h"

#include <utility>

#include "index/segment_index.h"
#include "segments/owned_segment.h"

namespace warifu {

std::unique_ptr<Index> make_flat_index(CodeSpace space, Modality modality, const std::vector<SegmentView>& segments,
                                       std::shared_ptr<const void> owner) {
  std::vector<IndexedSegment> indexed;
  indexed.reserve(segments.size());
  for (const SegmentView& segment : segments) indexed.push_back({segment, nullptr});
  return make_segment_index(std::move(space), modality, std::move(indexed), std::move(owner));
}

std::unique_ptr<Index> make_flat_index(CodeSegment segment) {
  OwnedSegment owned = own_segment(std::move(segment));
  return make_flat_index(std::move(owned.space), owned.modality, {owned.view}, std::move(owned.owner));
}

}  // namespace warifu
