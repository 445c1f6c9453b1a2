#pragma once

#include <memory>
#include <vector>

#include "index/index.h"
#include "segments/segment_view.h"

namespace warifu {

// Below this number of codes the plain scan is as fast.
inline constexpr std::size_t kClustersPay = 1'000'000;

// The same hits as the flat index, found by looking at a few clusters of codes (clusters.h): many times faster where
// codes have structure, as learned ones do, and no slower where they have none. Segments of fewer than `min_codes`, and
// those whose rows do not ascend, are scanned. Building takes about half a second for a million codes of 64 bits on two
// threads and as much memory again as the codes, and 4 bytes for each; see Clusters::build. `owner` as in flat_index.h.
std::unique_ptr<Index> make_cluster_index(CodeSpace space, Modality modality, const std::vector<SegmentView>& segments,
                                          std::shared_ptr<const void> owner, std::size_t min_codes = kClustersPay);

}  // namespace warifu
