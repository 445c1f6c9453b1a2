#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/workspace.h"
#include "search/searcher.h"

namespace warifu {

// One search as a user states it.
struct FindRequest {
  std::optional<std::string> text;
  std::optional<std::filesystem::path> image;
  std::optional<std::string> like;  // an item's id
  Find find = Find::kAny;
  std::size_t k = 10;
  std::vector<std::string> filters;  // "column=value"; all must hold
};

struct FoundItem {
  std::size_t rank = 0;  // from 1
  SearchHit hit;
  Item item;
  std::filesystem::path picture;  // where the item's picture lies; empty: none
};

// A workspace opened for searching one code space at one length: model and codes are loaded once
// and answer any number of queries.
class Finder {
 public:
  // Space as Workspace::choose_space; bits 0: the longest.
  // kNotFound if nothing is indexed, kIncompatible if the codes are of another model.
  static Result<Finder> open(const Workspace& workspace, const std::string& space, std::uint32_t bits);

  Result<std::vector<FoundItem>> find(const FindRequest& request) const;
  const CodeSpace& space() const { return searcher_->space(); }

 private:
  explicit Finder(const Workspace& workspace) : workspace_(&workspace) {}
  Result<RowFilter> filter(const std::vector<std::string>& conditions) const;

  const Workspace* workspace_;
  std::unique_ptr<Searcher> searcher_;
};

}  // namespace warifu
