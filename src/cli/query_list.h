#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/find_items.h"

namespace warifu {

// A query with the name it has in a run file.
struct NamedQuery {
  std::string id;
  FindRequest request;
};

// Reads a file of queries, one a line: a JSON object {"id","text","image","like","find"} (picture paths relative to the
// file), or plain words. A query without an id is named by its line number. `defaults` gives k, find and
// filters. kBadFormat names the line.
Result<std::vector<NamedQuery>> read_queries(const std::filesystem::path& path, const FindRequest& defaults);

}  // namespace warifu
