#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "codes/code_matrix.h"
#include "codes/code_space.h"
#include "evaluate/evaluate.h"
#include "store/catalog.h"

namespace warifu {

struct TrecTarget {
  std::filesystem::path folder;  // made if absent
  std::string direction;         // "i2t" …: enters the file names and the run tag
  CodeSpace space;
  std::string caveat;        // as Encoder::caveat: enters the run tag
  std::size_t depth = 1000;  // ranks a query
};

// Writes <space>-<direction>-<bits>.run and <space>-<direction>.qrels for trec_eval, ranx and the like. Ties are
// written in the order of the database's items, with scores that fall strictly, so that every reader sees the same
// order: an mAP computed from the run is that of one tie order, not the expectation.
Result<std::vector<std::filesystem::path>> write_trec_files(const TrecTarget& target,
                                                            const std::vector<const Item*>& query_items,
                                                            const CodeMatrix& queries,
                                                            const std::vector<const Item*>& database_items,
                                                            const CodeMatrix& database, const RelevanceMatrix& truth);

}  // namespace warifu
