#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "engine/workspace.h"

namespace warifu {

struct IndexReport {
  std::string space;
  std::vector<std::uint32_t> bits;
  std::map<std::string, std::size_t> encoded;  // by modality: items encoded by this run
  std::map<std::string, std::size_t> codes;    // by modality: items that have codes now
  std::vector<Rejection> failed;               // items whose content could not be read any more
  std::size_t bytes = 0;                       // of all code files of the space
  double seconds = 0;
};

// Encodes what is not yet encoded into the space: every item, in every modality it has (image, text,
// and both for an item with both halves), at all trained code lengths. Items changed since the
// last run are encoded anew; items whose content cannot be read are listed and tried again next time.
// A crash leaves the former code files. One that writes codes of a space at a time: kUnavailable beside another.
//
// In a space that was updated (engine/update.h) what has a code of an earlier generation keeps it, in its file, which
// is not written again; what is encoded now goes to the present generation's files. There a code file that cannot be
// read is an error.
Result<IndexReport> index_items(Workspace& workspace, const std::string& space, ProgressSink& progress);

}  // namespace warifu
