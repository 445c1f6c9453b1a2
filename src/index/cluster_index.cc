#include "index/cluster_index.h"

#include <utility>

#include "index/segment_index.h"

namespace warifu {

std::unique_ptr<Index> make_cluster_index(CodeSpace space, Modality modality, const std::vector<SegmentView>& segments,
                                          std::shared_ptr<const void> owner, std::size_t min_codes) {
  std::vector<IndexedSegment> indexed;
  indexed.reserve(segments.size());
  for (const SegmentView& segment : segments) {
    const bool pruned = segment.codes.count > 0 && segment.codes.count >= min_codes && segment.rows.ascending();
    indexed.push_back({segment, pruned ? Clusters::build(segment) : nullptr});
  }
  return make_segment_index(std::move(space), modality, std::move(indexed), std::move(owner));
}

}  // namespace warifu
