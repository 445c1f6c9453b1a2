#include "segments/faiss_format.h"

#include <algorithm>
#include <vector>

namespace warifu {

std::optional<std::string> broken_faiss_ids(std::span<const std::int64_t> ids) {
  std::vector<std::int64_t> sorted;
  if (!std::ranges::is_sorted(ids)) {
    sorted.assign(ids.begin(), ids.end());
    std::ranges::sort(sorted);
    ids = sorted;
  }
  if (!ids.empty() && ids.front() < 0) return "id " + std::to_string(ids.front()) + " is negative";
  if (const auto twice = std::ranges::adjacent_find(ids); twice != ids.end())
    return "id " + std::to_string(*twice) + " occurs twice";
  return std::nullopt;
}

}  // namespace warifu
