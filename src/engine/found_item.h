#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/hybrid_search.h"
#include "engine/workspace.h"
#include "search/confidence.h"
#include "store/catalog.h"

namespace warifu {

// A hit as a user sees it.
struct FoundItem {
  std::size_t rank = 0;  // from 1, over all pages
  Item item;
  std::filesystem::path picture;           // where the item's picture lies; empty: none
  Modality modality = Modality::kImage;    // which half the code matched; kText of what only the words found
  std::optional<std::uint32_t> distance;   // Hamming; nothing where the item has no code of the wanted half
  double score = 0;                        // of the joined rankings, in [0, 1]
  std::optional<double> probability;       // that it is right; nothing: the space is not calibrated for such queries
  std::vector<std::string> channels;       // that found it: "code", "words"; "image" and "text" where weighed apart
  std::vector<std::string> matched_words;  // the query's words that the item has, as the user wrote them
};

// "7", or "–" where there is none.
std::string distance_text(const FoundItem& found);

// Which part of a ranking is wanted.
struct FoundPage {
  std::size_t offset = 0;
  std::size_t limit = 10;
  double min_probability = 0;  // less likely ones are left out and do not count
};

struct FoundItems {
  std::vector<FoundItem> items;
  bool more = false;  // there are others behind these
  // The space is calibrated, and none of the best hits is likely enough to be called a match.
  bool no_good_match = false;
};

// Looks up the items of one page of a ranking. `confidence` may be null. Items that went away since they were found,
// and those that `may_see` refuses, are left out.
Result<FoundItems> look_up(const Workspace& workspace, const Searcher& searcher, const HybridRequest& request,
                           const HybridAnswer& answer, bool asked_by_text, bool asked_by_picture, const FoundPage& page,
                           const ConfidenceModel* confidence, const std::function<bool(const Item&)>& may_see = {});

}  // namespace warifu
