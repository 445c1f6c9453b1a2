#include "engine/hybrid_search.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "search/fuse.h"

namespace warifu {

std::string_view stage_name(Stage stage) {
  switch (stage) {
    case Stage::kDecode:
      return "decode";
    case Stage::kEncode:
      return "encode";
    case Stage::kScan:
      return "scan";
    case Stage::kWords:
      return "words";
    case Stage::kFuse:
      return "fuse";
    case Stage::kRerank:
      return "rerank";
    case Stage::kFilter:
      return "filter";
    case Stage::kThumbnail:
      return "thumb";
  }
  return "";
}

namespace {

Result<void> rerank(std::vector<SearchHit>& hits, const HybridRequest::Reranker& values_of) {
  const auto values = values_of(hits);
  if (!values) return std::unexpected(values.error());
  std::vector<std::size_t> order(hits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    const auto& x = (*values)[a];
    const auto& y = (*values)[b];
    return x && (!y || *x > *y);
  });
  std::vector<SearchHit> sorted;
  for (const std::size_t place : order) sorted.push_back(hits[place]);
  hits = std::move(sorted);
  return {};
}

int words_of(const WordHit& hit) { return std::popcount(hit.phrases); }

constexpr std::size_t kMostWordHits = 10000;  // looked at
constexpr double kMostWords = 3;              // of a long query all words together count as so many

// Those with more of the words first.
Result<std::vector<WordHit>> find_words(const Catalog& catalog, const HybridRequest& request,
                                        const StageObserver& observer) {
  if (!request.words || request.word_weight <= 0) return std::vector<WordHit>();
  const StageClock clock(observer, Stage::kWords);
  auto hits = catalog.find_words(*request.words, std::max(request.depth, kMostWordHits),
                                 [&](ItemRow row) { return request.filter.allows(row) && row != request.except; });
  if (hits) std::ranges::stable_sort(*hits, std::ranges::greater(), words_of);
  return hits;
}

// The rows that have as many of the words as any.
std::vector<ItemRow> rows_with_most(std::span<const WordHit> words) {
  std::vector<ItemRow> rows;
  for (const WordHit& hit : words)
    if (words_of(hit) == words_of(words.front())) rows.push_back(hit.row);
  std::ranges::sort(rows);
  return rows;
}

// The nearest by code, and the nearest of those with most of the words: among these the codes decide, however far
// they lie.
Result<std::vector<SearchHit>> nearest(const Searcher& searcher, const HybridRequest& request,
                                       const CodeChannel& channel, std::span<const WordHit> words,
                                       const StageObserver& observer) {
  const StageClock clock(observer, Stage::kScan);
  auto hits = searcher.nearest(channel.code, request.find, request.depth, request.filter, request.except);
  if (!hits && hits.error().code == ErrorCode::kNotFound && request.words) return std::vector<SearchHit>();
  if (!hits || words.empty() || hits->size() < request.depth) return hits;
  const auto others =
      searcher.nearest(channel.code, request.find, request.depth, RowFilter(rows_with_most(words)), request.except);
  if (!others) return others;
  std::unordered_set<ItemRow> there;
  for (const SearchHit& hit : *hits) there.insert(hit.row);
  for (const SearchHit& hit : *others)
    if (!there.contains(hit.row)) hits->push_back(hit);
  std::ranges::stable_sort(*hits, {}, &SearchHit::distance);
  return hits;
}

// One channel for each word, in which all items that have it share the first rank: an item that lacks a word loses as
// much as the codes can give. Of very many word hits only those that could matter take part.
void add_word_channels(std::span<const WordHit> words, const HybridRequest& request,
                       const std::unordered_map<ItemRow, SearchHit>& by_code, std::vector<RankedChannel>& channels) {
  const std::size_t count = request.words->phrases.size();
  const double weight = request.word_weight * std::min(1.0, kMostWords / static_cast<double>(count));
  for (std::size_t p = 0; p < count; ++p) {
    RankedChannel& channel = channels.emplace_back();
    channel.weight = weight;
    for (std::size_t i = 0; i < words.size(); ++i)
      if ((words[i].phrases >> p & 1U) != 0 && (i < request.depth || by_code.contains(words[i].row)))
        channel.rows.push_back(words[i].row);
    channel.ties.assign(channel.rows.size(), 0);
  }
}

}  // namespace

Result<HybridAnswer> hybrid_search(const Searcher& searcher, const Catalog& catalog, const HybridRequest& request,
                                   const StageObserver& observer) {
  auto words = find_words(catalog, request, observer);
  if (!words) return std::unexpected(words.error());
  std::vector<RankedChannel> channels;
  std::unordered_map<ItemRow, SearchHit> by_code;  // of the first code channel
  HybridAnswer answer;
  for (std::size_t c = 0; c < request.codes.size(); ++c) {
    auto hits = nearest(searcher, request, request.codes[c], *words, observer);
    if (!hits) return std::unexpected(hits.error());
    if (c == 0 && !hits->empty()) answer.nearest = hits->front().distance / static_cast<double>(searcher.space().bits);
    const bool reranked = c == 0 && request.rerank;
    if (reranked) {
      const StageClock clock(observer, Stage::kRerank);
      if (auto done = rerank(*hits, request.rerank); !done) return std::unexpected(done.error());
    }
    RankedChannel& channel = channels.emplace_back();
    channel.weight = request.codes[c].weight;
    for (const SearchHit& hit : *hits) {
      channel.rows.push_back(hit.row);
      if (!reranked) channel.ties.push_back(hit.distance);
      if (c == 0) by_code.emplace(hit.row, hit);
    }
  }
  const StageClock clock(observer, Stage::kFuse);
  if (!words->empty()) add_word_channels(*words, request, by_code, channels);
  std::unordered_map<ItemRow, std::uint32_t> by_words;
  for (const WordHit& hit : *words) by_words.emplace(hit.row, hit.phrases);
  for (const FusedHit& fused : fuse_reciprocal_ranks(channels)) {
    HybridHit& hit = answer.hits.emplace_back();
    hit.row = fused.row;
    hit.score = fused.score;
    for (std::size_t c = 0; c < request.codes.size(); ++c)
      if ((fused.channels >> c & 1U) != 0) hit.channels.push_back(request.codes[c].name);
    if (fused.channels >> request.codes.size() != 0) hit.channels.push_back("words");
    if (const auto found = by_code.find(fused.row); found != by_code.end()) {
      hit.modality = found->second.modality;
      hit.distance = found->second.distance;
    }
    if (const auto found = by_words.find(fused.row); found != by_words.end()) hit.phrases = found->second;
  }
  return answer;
}

HitEvidence evidence_of(const HybridHit& hit, const HybridAnswer& answer, const HybridRequest& request,
                        const Searcher& searcher, bool asked_by_text, bool asked_by_picture) {
  HitEvidence evidence;
  evidence.asked_by_text = asked_by_text;
  evidence.asked_by_picture = asked_by_picture;
  evidence.nearest = answer.nearest;
  const double bits = searcher.space().bits;
  if (hit.distance) {
    evidence.distance = *hit.distance / bits;
  } else if (!request.codes.empty()) {
    if (const auto found = searcher.hit_of(request.codes.front().code, hit.row, request.find))
      evidence.distance = found->distance / bits;
  }
  if (request.words && !request.words->phrases.empty())
    evidence.words =
        static_cast<double>(std::popcount(hit.phrases)) / static_cast<double>(request.words->phrases.size());
  return evidence;
}

}  // namespace warifu
