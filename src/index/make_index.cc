#include "index/make_index.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/join.h"

namespace warifu {
namespace {

struct Entry {
  std::string_view kind;
  std::unique_ptr<Index> (*make)(CodeSegment segment);
};

// To add an index: write foo_index.cc and foo_index_test.cc, declare make_foo_index beside
// make_flat_index, then one line here.
constexpr std::array kIndexes = {
    Entry{"flat", make_flat_index},
};

}  // namespace

Result<std::unique_ptr<Index>> make_index(std::string_view kind, CodeSegment segment) {
  const auto* const entry = std::ranges::find(kIndexes, kind, &Entry::kind);
  if (entry != kIndexes.end()) return entry->make(std::move(segment));
  return fail(ErrorCode::kNotFound, "no index is called '" + std::string(kind) + "'",
              "known indexes: " + join(index_kinds()));
}

std::vector<std::string_view> index_kinds() {
  std::vector<std::string_view> kinds;
  kinds.reserve(kIndexes.size());
  for (const Entry& entry : kIndexes) kinds.push_back(entry.kind);
  return kinds;
}

}  // namespace warifu
