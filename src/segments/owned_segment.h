#pragma once

#include <memory>

#include "segments/code_segment.h"
#include "segments/segment_view.h"

namespace warifu {

// A segment in memory, cut to blocks; `owner` keeps what `view` looks at.
struct OwnedSegment {
  CodeSpace space;
  Modality modality = Modality::kImage;
  SegmentView view;
  std::shared_ptr<const void> owner;
};

// `segment` follows the rules of code_segment.h, as every one that was read does.
OwnedSegment own_segment(CodeSegment segment);

}  // namespace warifu
