#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/encode_items.h"
#include "engine/workspace.h"
#include "evaluate/relevance.h"
#include "segments/code_segment.h"

namespace warifu {

// All codes of a space at one moment, by modality and length.
using AllCodes = std::map<std::pair<Modality, std::uint32_t>, std::unique_ptr<CodeSegment>>;

// Errors of load_codes.
Result<AllCodes> all_codes(const Workspace& workspace, const SpaceInfo& info);

// Queries of categories that a space knew before an update, and of those it learns by it.
struct UpdateQueries {
  std::vector<Item> items;
  std::vector<bool> is_new;  // of each; the others are old
};

// Codes of one length, of pictures and texts.
struct CodesOfHalves {
  const CodeSegment *image = nullptr, *text = nullptr;  // null: none
};

struct OldAndNew {
  std::optional<double> of_old, of_new;
};

// mAP of the two kinds of queries by direction ("i2t", "t2i"): queries as `encoder` encodes them now, over those of
// `database` that have a code. Errors of ItemEncoder and LabelIndexer.
Result<std::map<std::string, OldAndNew>> measure_update(const Workspace& workspace, const UpdateQueries& queries,
                                                        ItemEncoder& encoder, std::uint32_t bits,
                                                        const std::vector<Item>& database, const CodesOfHalves& codes,
                                                        const RelevanceRule& rule, ProgressSink& progress);

}  // namespace warifu
