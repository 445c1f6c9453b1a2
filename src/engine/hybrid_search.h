#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "codes/code_matrix.h"
#include "engine/stages.h"
#include "index/row_filter.h"
#include "search/confidence.h"
#include "search/searcher.h"
#include "store/catalog.h"
#include "text/keyword_terms.h"

namespace warifu {

// One code that the items' codes are compared with, as a channel of its own.
struct CodeChannel {
  std::string name;  // "code"; "text" and "image" where words and picture of a query are weighed against each other
  CodeMatrix code;   // one row, of the searcher's space
  double weight = 1;
};

inline constexpr std::size_t kLeastDepth = 200;  // of a channel's ranking: what only one channel finds is joined too

struct HybridRequest {
  std::vector<CodeChannel> codes;
  std::optional<KeywordQuery> words;
  double word_weight = 1;
  Find find = Find::kAny;
  std::size_t depth = kLeastDepth;  // of each channel's ranking
  RowFilter filter;                 // what the asker may see and asked for: nothing else is scanned or counted
  std::optional<ItemRow> except;
  // Ranks what the first code channel found once more: how well each hit fits, higher is better; hits without a value
  // keep their order behind those that have one.
  using Reranker = std::function<Result<std::vector<std::optional<double>>>(std::span<const SearchHit> hits)>;
  Reranker rerank;
};

struct HybridHit {
  ItemRow row = 0;
  Modality modality = Modality::kText;    // the half that the first code channel matched; kText of word hits
  std::optional<std::uint32_t> distance;  // to the first code channel's code; nothing where it did not rank the item
  double score = 0;                       // as FusedHit
  std::vector<std::string> channels;      // in the order above, "words" last
  std::uint32_t phrases = 0;              // bit i: the item has words->phrases[i]
};

struct HybridAnswer {
  std::vector<HybridHit> hits;  // best first
  double nearest = 1;           // distance of the first code channel's nearest, over bits; 1: none
};

// Ranks by every channel and joins the rankings (search/fuse.h). Without codes of the wanted half the words answer
// alone; kNotFound of Searcher::nearest only where there are no words either.
Result<HybridAnswer> hybrid_search(const Searcher& searcher, const Catalog& catalog, const HybridRequest& request,
                                   const StageObserver& observer = {});

// What speaks for a hit, for ConfidenceModel::probability. Where the code channel did not rank it, its stored code is
// compared.
HitEvidence evidence_of(const HybridHit& hit, const HybridAnswer& answer, const HybridRequest& request,
                        const Searcher& searcher, bool asked_by_text, bool asked_by_picture);

}  // namespace warifu
