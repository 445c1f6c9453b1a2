#include "engine/found_item.h"

#include <algorithm>
#include <span>

namespace warifu {
namespace {

constexpr double kGoodMatch = 1.0 / 3;         // a hit less likely than this is no match
constexpr std::size_t kLookedAtForAMatch = 3;  // hits

}  // namespace

std::string distance_text(const FoundItem& found) { return found.distance ? std::to_string(*found.distance) : "–"; }

Result<FoundItems> look_up(const Workspace& workspace, const Searcher& searcher, const HybridRequest& request,
                           const HybridAnswer& answer, bool asked_by_text, bool asked_by_picture, const FoundPage& page,
                           const ConfidenceModel* confidence, const std::function<bool(const Item&)>& may_see) {
  struct Chosen {
    const HybridHit* hit;
    std::optional<double> probability;
  };
  FoundItems found;
  std::vector<Chosen> chosen;  // the page, and one more
  std::size_t passed = 0;
  bool good = answer.hits.empty();
  for (std::size_t i = 0; i < answer.hits.size() && chosen.size() <= page.limit; ++i) {
    const bool looked_at = passed >= page.offset || page.min_probability > 0 || i < kLookedAtForAMatch;
    Chosen one{&answer.hits[i], {}};
    if (looked_at && confidence != nullptr)
      one.probability =
          confidence->probability(evidence_of(*one.hit, answer, request, searcher, asked_by_text, asked_by_picture));
    if (i < kLookedAtForAMatch && one.probability.value_or(1) >= kGoodMatch) good = true;
    if (one.probability.value_or(1) < page.min_probability) continue;
    if (passed++ >= page.offset) chosen.push_back(one);
  }
  found.no_good_match = confidence != nullptr && (!good || answer.hits.empty());
  found.more = chosen.size() > page.limit;
  if (found.more) chosen.pop_back();

  std::vector<ItemRow> rows;
  for (const Chosen& one : chosen) rows.push_back(one.hit->row);
  auto items = workspace.catalog().items_there(rows);
  if (!items) return std::unexpected(items.error());
  std::size_t next = 0;
  for (std::size_t i = 0; i < chosen.size() && next < items->size(); ++i) {
    if ((*items)[next].row != rows[i]) continue;
    Item& item = (*items)[next++];
    if (may_see && !may_see(item)) continue;
    const auto& [hit, probability] = chosen[i];
    FoundItem& entry = found.items.emplace_back();
    entry.rank = page.offset + i + 1;
    if (!item.image_uri.empty()) entry.picture = workspace.picture_path(item);
    entry.item = std::move(item);
    entry.modality = hit->modality;
    entry.distance = hit->distance;
    if (!entry.distance && !request.codes.empty())
      if (const auto found_code = searcher.hit_of(request.codes.front().code, hit->row, request.find))
        entry.distance = found_code->distance;
    entry.score = hit->score;
    entry.probability = probability;
    entry.channels = hit->channels;
    for (std::size_t p = 0; request.words && p < request.words->words.size(); ++p)
      if (p < 32 && (hit->phrases >> p & 1U) != 0) entry.matched_words.push_back(request.words->words[p]);
  }
  return found;
}

}  // namespace warifu
