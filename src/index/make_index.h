#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "index/index.h"

namespace warifu {

// An index of `kind` ("flat") over the codes of a segment. kNotFound lists the kinds there are.
Result<std::unique_ptr<Index>> make_index(std::string_view kind, CodeSegment segment);

// The kinds that make_index knows, the default first.
std::vector<std::string_view> index_kinds();

}  // namespace warifu
