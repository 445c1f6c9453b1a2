#include <fmt/format.h>

#include <algorithm>

#include "engine/running_service.h"

// The part of RunningService that answers queries.
namespace warifu {
namespace {

constexpr std::size_t kMostHits = 1000;  // of one answer
constexpr std::size_t kDeepest = 10000;  // limit + offset

Fail bad(std::string message, std::string hint = {}) {
  return fail(ErrorCode::kInvalidArgument, std::move(message), std::move(hint));
}

Result<void> check(const ServiceQuery& query) {
  if (!query.text && !query.picture && !query.like)
    return bad("nothing to search for", "give a text, a picture, both, or the id of an item");
  if (query.like && (query.text || query.picture))
    return bad("'like' cannot be joined with a text or a picture", "search by one or the other");
  if (query.limit < 1 || query.limit > kMostHits)
    return bad(fmt::format("limit {} is not in 1 … {}", query.limit, kMostHits));
  if (query.limit + query.offset > kDeepest)
    return bad(fmt::format("offset {} and limit {} go beyond the first {} hits", query.offset, query.limit, kDeepest),
               "narrow the search with a filter");
  for (const auto& weight : {query.weights.code, query.weights.words, query.weights.text, query.weights.image})
    if (weight && !(*weight >= 0 && *weight <= 1000)) return bad("a weight is not in 0 … 1000");
  if (!(query.min_probability >= 0 && query.min_probability <= 1)) return bad("min_probability is not in 0 … 1");
  return {};
}

}  // namespace

Result<Image> RunningService::decode(std::span<const std::byte> bytes, const PictureFormat& format) const {
  const StageClock clock(observer_, Stage::kDecode);
  if (bytes.size() > options_.max_picture_bytes)
    return bad(fmt::format("the picture has {} bytes; at most {} are taken", bytes.size(), options_.max_picture_bytes));
  return decoder_->decode(bytes, limits_, format);
}

Result<QueryContent> RunningService::content_of(const ServiceQuery& query) {
  QueryContent content;
  if (query.text) {
    auto text = query_text(*query.text, "text");
    if (!text) return std::unexpected(text.error());
    content.text = std::move(*text);
  }
  if (query.picture) {
    auto picture = decode(*query.picture, encoder_->encoder().picture_format());
    if (!picture) return with_context("picture", picture.error());
    content.picture = std::move(*picture);
  }
  content.wants_embedding = query.rerank && encoder_->encoder().embedding_width() > 0;
  return content;
}

Result<std::vector<CodeChannel>> RunningService::code_channels(const ServiceQuery& query, const QueryContent& content,
                                                               std::vector<float>& embedding) {
  const StageClock clock(observer_, Stage::kEncode);
  std::vector<CodeChannel> channels;
  const auto add = [&](const QueryContent& some, const char* name, double weight) -> Result<void> {
    auto encoded = encoder_->encode(some);
    if (!encoded) return std::unexpected(encoded.error());
    if (channels.empty()) embedding = std::move(encoded->embedding);
    channels.push_back({name, std::move(encoded->code), weight});
    return {};
  };
  if (content.text && content.picture && (query.weights.text || query.weights.image)) {
    QueryContent picture = content;
    picture.text.reset();
    if (auto added = add(picture, "image", query.weights.image.value_or(1)); !added)
      return std::unexpected(added.error());
    QueryContent text = content;
    text.picture.reset();
    if (auto added = add(text, "text", query.weights.text.value_or(1)); !added) return std::unexpected(added.error());
    return channels;
  }
  double weight = query.weights.code.value_or(1);
  if (!query.weights.code && content.text) {
    const std::lock_guard lock(confidence_mutex_);
    if (confidence_) weight = confidence_->code_weight;
  }
  if (weight <= 0 && content.text) return channels;  // the words alone are asked for
  if (auto added = add(content, "code", weight); !added) return std::unexpected(added.error());
  return channels;
}

Result<RowFilter> RunningService::rows_to_search(const Workspace& reader, const Universe& universe,
                                                 const std::optional<Filter>& filter) const {
  if (!filter) return universe.filter;
  const StageClock clock(observer_, Stage::kFilter);
  const auto rows = matching_rows(reader.catalog(), *filter, universe.rows);
  if (!rows) return std::unexpected(rows.error());
  return RowFilter(*rows);
}

Result<ServiceAnswer> RunningService::search(const Principal& principal, const ServiceQuery& query) {
  if (auto allowed = require(principal, Scope::kSearch); !allowed) return std::unexpected(allowed.error());
  if (auto checked = check(query); !checked) return std::unexpected(checked.error());
  const auto content = content_of(query);
  if (!content) return std::unexpected(content.error());
  const auto reader = readers_.take();
  if (!reader) return std::unexpected(reader.error());
  const auto view = writer_->view();
  const auto universe = view->items->universe(principal);

  HybridRequest request;
  request.find = query.find;
  std::vector<float> embedding;
  if (query.like) {
    std::optional<Error> error;
    const auto item = visible(**reader, principal, *query.like, error);
    if (!item) return std::unexpected(*error);
    auto code = view->searcher->stored_code(item->row, query.find);
    if (!code) return std::unexpected(code.error());
    request.codes.push_back({"code", std::move(*code), 1});
    request.except = item->row;
  } else {
    auto channels = code_channels(query, *content, embedding);
    if (!channels) return std::unexpected(channels.error());
    request.codes = std::move(*channels);
  }
  if (content->text) {
    request.words = keyword_query(*content->text);
    const std::lock_guard lock(confidence_mutex_);
    request.word_weight = query.weights.words.value_or(confidence_ ? confidence_->word_weight : 1);
    // Where the words are weighed against a picture, what they count as keywords goes with it.
    if (content->picture && !query.weights.words) request.word_weight *= query.weights.text.value_or(1);
  }
  if (request.codes.empty() && request.word_weight <= 0) return bad("all weights are 0");
  auto rows = rows_to_search(**reader, *universe, query.filter);
  if (!rows) return std::unexpected(rows.error());
  request.filter = std::move(*rows);
  request.depth = std::max(kLeastDepth, query.limit + query.offset + 1);

  const ItemEmbeddings* const embeddings = writer_->live().embeddings();
  if (query.rerank && !query.like && (embeddings == nullptr || embedding.empty()))
    return bad("this server cannot rank by the embedding", "start it with --rerank, on a space that has one");
  if (query.rerank && !query.like)
    request.rerank = [&](std::span<const SearchHit> hits) -> Result<std::vector<std::optional<double>>> {
      std::vector<ItemRow> wanted;
      for (const SearchHit& hit : hits) wanted.push_back(hit.row);
      const auto items = (*reader)->catalog().items_there(wanted);
      if (!items) return std::unexpected(items.error());
      std::vector<std::optional<double>> values(hits.size());
      if (items->size() != hits.size()) return values;  // one of them is just going away: by distance, this time
      std::vector<Modality> halves;
      for (const SearchHit& hit : hits) halves.push_back(hit.modality);
      return embeddings->similarities(embedding, *items, halves);
    };
  auto found = hybrid_search(*view->searcher, (*reader)->catalog(), request, observer_);
  if (!found) return std::unexpected(found.error());
  ServiceAnswer answer;
  answer.space = space_.name;
  answer.bits = space_.bits;
  answer.reranked = static_cast<bool>(request.rerank);
  std::shared_ptr<const ConfidenceModel> confidence;
  {
    const std::lock_guard lock(confidence_mutex_);
    confidence = confidence_;
  }
  auto hits = look_up(**reader, *view->searcher, request, *found, query.text.has_value(),
                      query.picture.has_value() || query.like.has_value(),
                      {.offset = query.offset, .limit = query.limit, .min_probability = query.min_probability},
                      confidence.get(), [&](const Item& item) { return may_see(principal, item.groups); });
  if (!hits) return std::unexpected(hits.error());
  answer.found = std::move(*hits);
  return answer;
}

Result<EncodedContent> RunningService::encode(const Principal& principal, const std::optional<std::string>& text,
                                              const std::optional<std::vector<std::byte>>& picture) {
  if (auto allowed = require(principal, Scope::kSearch); !allowed) return std::unexpected(allowed.error());
  ServiceQuery query;
  query.text = text;
  query.picture = picture;
  query.rerank = true;  // the embedding too, where there is one
  if (!text && !picture) return bad("nothing to encode", "give a text, a picture, or both");
  const auto content = content_of(query);
  if (!content) return std::unexpected(content.error());
  const StageClock clock(observer_, Stage::kEncode);
  auto encoded = encoder_->encode(*content);
  if (!encoded) return std::unexpected(encoded.error());
  const auto words = encoded->code.row(0);
  return EncodedContent{space_.name,
                        space_.bits,
                        space_.fingerprint,
                        content->modality(),
                        {words.begin(), words.end()},
                        std::move(encoded->embedding)};
}

}  // namespace warifu
