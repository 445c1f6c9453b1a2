#pragma once

#include <memory>
#include <vector>

#include "index/clusters.h"
#include "index/index.h"
#include "segments/segment_view.h"

// Inside index/: the one kind of index there is, over segments of which each is scanned or, where it has clusters,
// pruned. See flat_index.h and cluster_index.h.
namespace warifu {

struct IndexedSegment {
  SegmentView view;
  std::shared_ptr<const Clusters> clusters;  // null: every search scans it; else the rows ascend
};

std::unique_ptr<Index> make_segment_index(CodeSpace space, Modality modality, std::vector<IndexedSegment> segments,
                                          std::shared_ptr<const void> owner);

}  // namespace warifu
