#include "server/wire.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "codes/code_space.h"
#include "io/record_checks.h"
#include "security/access_store.h"
#include "server/http_message.h"

namespace warifu::wire {
namespace {

constexpr int kDeepest = 64;  // nesting of a document

Fail bad(std::string message, std::string hint = {}) {
  return fail(ErrorCode::kInvalidArgument, std::move(message), std::move(hint));
}

// An object whose keys are read once each; what is left over is an error.
class Object {
 public:
  static Result<Object> of(const Json& json, std::string where) {
    if (!json.is_object()) return bad(where + " is not a JSON object");
    return Object(json, std::move(where));
  }

  // Null where the key is missing or null.
  const Json* get(std::string_view key) {
    known_.push_back(key);
    const auto found = json_->find(std::string(key));
    return found == json_->end() || found->is_null() ? nullptr : &*found;
  }

  Result<std::optional<std::string>> text(std::string_view key) {
    const Json* value = get(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) return bad(fmt::format("'{}' of {} is not a text", key, where_));
    return value->get<std::string>();
  }

  Result<std::optional<double>> number(std::string_view key, double least, double most) {
    const Json* value = get(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) return bad(fmt::format("'{}' of {} is not a number", key, where_));
    const auto number = value->get<double>();
    if (!(number >= least && number <= most))
      return bad(fmt::format("'{}' of {} is not in {} … {}", key, where_, least, most));
    return number;
  }

  Result<std::optional<std::size_t>> count(std::string_view key, std::size_t least, std::size_t most) {
    const auto value = number(key, static_cast<double>(least), static_cast<double>(most));
    if (!value) return std::unexpected(value.error());
    if (!*value) return std::nullopt;
    if (std::floor(**value) != **value) return bad(fmt::format("'{}' of {} is not a whole number", key, where_));
    return static_cast<std::size_t>(**value);
  }

  Result<std::optional<bool>> flag(std::string_view key) {
    const Json* value = get(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_boolean()) return bad(fmt::format("'{}' of {} is neither true nor false", key, where_));
    return value->get<bool>();
  }

  Result<std::optional<std::vector<std::string>>> texts(std::string_view key) {
    const Json* value = get(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_array() || !std::ranges::all_of(*value, [](const Json& one) { return one.is_string(); }))
      return bad(fmt::format("'{}' of {} is not a list of texts", key, where_));
    return value->get<std::vector<std::string>>();
  }

  Result<void> nothing_else() const {
    for (const auto& [key, value] : json_->items())
      if (std::ranges::find(known_, key) == known_.end()) return bad(fmt::format("{} has no '{}'", where_, key));
    return {};
  }

 private:
  Object(const Json& json, std::string where) : json_(&json), where_(std::move(where)) {}
  const Json* json_;
  std::string where_;
  std::vector<std::string_view> known_;
};

// Takes the value out of a Result, or leaves with its error.
#define WARIFU_TAKE(target, expression)                \
  {                                                    \
    auto taken = (expression);                         \
    if (!taken) return std::unexpected(taken.error()); \
    if (*taken) (target) = std::move(**taken);         \
  }

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Result<std::vector<std::byte>> from_base64(const std::string& text) {
  std::vector<std::byte> bytes(text.size() / 4 * 3 + 3);
  std::size_t length = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(), "\r\n ",
                        &length, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size())
    return bad("'image' is not base64", "or send it as a part of a multipart/form-data body");
  bytes.resize(length);
  return bytes;
}

Result<std::optional<std::vector<std::byte>>> read_picture(Object& object, const std::string_view* part) {
  const auto text = object.text("image");
  if (!text) return std::unexpected(text.error());
  if (*text && part != nullptr) return bad("two pictures: 'image' and a part of that name");
  if (part != nullptr) return bytes_of(*part);
  if (!*text) return std::nullopt;
  auto bytes = from_base64(**text);
  if (!bytes) return std::unexpected(bytes.error());
  return std::move(*bytes);
}

Result<Filter> filter_at(const Json& json, std::size_t depth) {
  if (depth > kMaxFilterDepth) return bad(fmt::format("the filter is nested more than {} deep", kMaxFilterDepth));
  auto object = Object::of(json, "a filter");
  if (!object) return std::unexpected(object.error());
  Filter filter;
  const Json* all = object->get("all");
  const Json* any = object->get("any");
  const Json* no = object->get("not");
  auto column = object->text("column");
  if (!column) return std::unexpected(column.error());
  auto values = object->texts("in");
  if (!values) return std::unexpected(values.error());
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  const int forms = (all ? 1 : 0) + (any ? 1 : 0) + (no ? 1 : 0) + (*column || *values ? 1 : 0);
  if (forms != 1 || column->has_value() != values->has_value())
    return bad("a filter is one of 'all', 'any', 'not', or 'column' with 'in'",
               R"(for example {"column": "colour", "in": ["red", "blue"]})");
  if (*column) {
    filter.kind = Filter::Kind::kIn;
    filter.column = std::move(**column);
    filter.values = std::move(**values);
    return filter;
  }
  if (no != nullptr) {
    filter.kind = Filter::Kind::kNot;
    auto part = filter_at(*no, depth + 1);
    if (!part) return part;
    filter.parts.push_back(std::move(*part));
    return filter;
  }
  filter.kind = all != nullptr ? Filter::Kind::kAll : Filter::Kind::kAny;
  const Json& parts = all != nullptr ? *all : *any;
  if (!parts.is_array() || parts.size() > kMaxFilterParts)
    return bad(fmt::format("'all' and 'any' take a list of at most {} filters", kMaxFilterParts));
  for (const Json& one : parts) {
    auto part = filter_at(one, depth + 1);
    if (!part) return part;
    filter.parts.push_back(std::move(*part));
  }
  return filter;
}

Result<ChannelWeights> read_weights(const Json& json) {
  constexpr double kMost = 1000;
  auto object = Object::of(json, "'weights'");
  if (!object) return std::unexpected(object.error());
  ChannelWeights weights;
  for (const auto& [key, target] : {std::pair("code", &weights.code), std::pair("words", &weights.words),
                                    std::pair("text", &weights.text), std::pair("image", &weights.image)})
    WARIFU_TAKE(*target, object->number(key, 0, kMost));
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  return weights;
}

Result<std::optional<std::vector<Label>>> read_labels(Object& object, std::string_view key) {
  const Json* value = object.get(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) return bad(fmt::format("'{}' is not an object of columns", key));
  std::vector<Label> labels;
  for (const auto& [column, values] : value->items()) {
    if (values.is_string()) {
      labels.push_back({column, values.get<std::string>()});
      continue;
    }
    if (!values.is_array()) return bad(fmt::format("column '{}' of '{}' is not a list of texts", column, key));
    for (const Json& one : values) {
      if (!one.is_string()) return bad(fmt::format("column '{}' of '{}' is not a list of texts", column, key));
      labels.push_back({column, one.get<std::string>()});
    }
  }
  return labels;
}

}  // namespace

Result<Json> parse(std::string_view text) {
  int deepest = 0;
  const auto bounded = [&](int depth, Json::parse_event_t, Json&) {
    deepest = std::max(deepest, depth);
    return depth <= kDeepest;
  };
  try {
    auto json = Json::parse(text, bounded);
    if (deepest > kDeepest) return bad(fmt::format("the JSON is nested more than {} deep", kDeepest));
    return json;
  } catch (const Json::exception& error) {
    std::string what = error.what();
    if (const auto at = what.find("at line"); at != std::string::npos) what = what.substr(at);
    return bad("the body is not JSON: " + what);
  }
}

Result<Filter> read_filter(const Json& json) { return filter_at(json, 0); }

Result<ServiceQuery> read_query(const Json& json, const std::string_view* image) {
  auto object = Object::of(json, "the query");
  if (!object) return std::unexpected(object.error());
  ServiceQuery query;
  auto text = object->text("text");
  if (!text) return std::unexpected(text.error());
  query.text = std::move(*text);
  auto picture = read_picture(*object, image);
  if (!picture) return std::unexpected(picture.error());
  query.picture = std::move(*picture);
  auto like = object->text("item_id");
  if (!like) return std::unexpected(like.error());
  query.like = std::move(*like);
  std::string find = "any";
  WARIFU_TAKE(find, object->text("find"));
  const auto half = parse_find(find);
  if (!half) return std::unexpected(half.error());
  query.find = *half;
  if (const Json* filter = object->get("filter")) {
    auto parsed = read_filter(*filter);
    if (!parsed) return std::unexpected(parsed.error());
    query.filter = std::move(*parsed);
  }
  if (const Json* weights = object->get("weights")) {
    auto parsed = read_weights(*weights);
    if (!parsed) return std::unexpected(parsed.error());
    query.weights = *parsed;
  }
  WARIFU_TAKE(query.limit, object->count("limit", 1, 1000));
  WARIFU_TAKE(query.rerank, object->flag("rerank"));
  WARIFU_TAKE(query.min_probability, object->number("min_probability", 0, 1));
  auto cursor = object->text("cursor");
  if (!cursor) return std::unexpected(cursor.error());
  if (*cursor) {
    const auto place = read_cursor(**cursor);
    if (!place) return std::unexpected(place.error());
    char* end = nullptr;
    query.offset = std::strtoul(place->c_str(), &end, 10);
    if (end == place->c_str() || *end != '\0') return bad("'cursor' is not one of an answer of this server");
  }
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  return query;
}

Result<Content> read_content(const Json& json, const std::string_view* image) {
  auto object = Object::of(json, "the body");
  if (!object) return std::unexpected(object.error());
  Content content;
  auto text = object->text("text");
  if (!text) return std::unexpected(text.error());
  content.text = std::move(*text);
  auto picture = read_picture(*object, image);
  if (!picture) return std::unexpected(picture.error());
  content.picture = std::move(*picture);
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  return content;
}

Result<ExplainRequest> read_explain(const Json& json, const std::string_view* image) {
  auto object = Object::of(json, "the body");
  if (!object) return std::unexpected(object.error());
  ExplainRequest request;
  auto text = object->text("text");
  if (!text) return std::unexpected(text.error());
  request.query.text = std::move(*text);
  auto picture = read_picture(*object, image);
  if (!picture) return std::unexpected(picture.error());
  request.query.picture = std::move(*picture);
  auto like = object->text("item_id");
  if (!like) return std::unexpected(like.error());
  request.query.like = std::move(*like);
  WARIFU_TAKE(request.query.id, object->text("id"));
  auto half = object->text("modality");
  if (!half) return std::unexpected(half.error());
  std::string language = "en";
  WARIFU_TAKE(language, object->text("language"));
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  if (request.query.id.empty()) return bad("'id' of the body is missing", "name the item whose match is explained");
  if (*half) {
    const auto modality = parse_modality(**half);
    if (!modality) return std::unexpected(modality.error());
    request.query.half = *modality;
  }
  const auto parsed = parse_language(language);
  if (!parsed) return std::unexpected(parsed.error());
  request.language = *parsed;
  return request;
}

Result<FeedbackRequest> read_feedback(const Json& json, const std::string_view* image) {
  constexpr std::size_t kMostBits = 65536;
  auto object = Object::of(json, "the judgement");
  if (!object) return std::unexpected(object.error());
  FeedbackRequest request;
  auto text = object->text("text");
  if (!text) return std::unexpected(text.error());
  request.text = std::move(*text);
  auto picture = read_picture(*object, image);
  if (!picture) return std::unexpected(picture.error());
  request.picture = std::move(*picture);
  auto like = object->text("item_id");
  if (!like) return std::unexpected(like.error());
  request.like = std::move(*like);
  WARIFU_TAKE(request.item, object->text("id"));
  if (auto named = check_item_id(request.item); !named) return bad("'id' of the judgement: " + named.error().message);
  if (!json.contains("right")) return bad("the judgement has no 'right'", "say true or false; null takes it back");
  const auto right = object->flag("right");
  if (!right) return std::unexpected(right.error());
  request.right = *right;
  const auto rank = object->count("rank", 1, 1'000'000);
  if (!rank) return std::unexpected(rank.error());
  request.rank = *rank;
  const auto distance = object->count("distance", 0, kMostBits);
  if (!distance) return std::unexpected(distance.error());
  request.distance = *distance;
  WARIFU_TAKE(request.confidence, object->text("confidence"));
  if (!request.confidence.empty() && request.confidence != confidence_name(Confidence::kLikely) &&
      request.confidence != confidence_name(Confidence::kUnsure) &&
      request.confidence != confidence_name(Confidence::kWeak))
    return bad("'confidence' of the judgement is none of likely, unsure, weak");
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  return request;
}

Result<NewItem> read_item(const Json& json, std::string_view id, const FindPart& part) {
  auto object = Object::of(json, "the item");
  if (!object) return std::unexpected(object.error());
  NewItem item;
  item.id = id;
  if (id.empty()) WARIFU_TAKE(item.id, object->text("id"));
  auto text = object->text("text");
  if (!text) return std::unexpected(text.error());
  item.text = std::move(*text);
  const Json* image = object->get("image");
  if (image != nullptr && image->is_object()) {
    auto named = Object::of(*image, "'image'");
    std::string name;
    WARIFU_TAKE(name, named->text("part"));
    if (auto done = named->nothing_else(); !done) return std::unexpected(done.error());
    const std::string_view* bytes = part ? part(name) : nullptr;
    if (bytes == nullptr) return bad("the body has no part '" + name + "'");
    item.picture = bytes_of(*bytes);
  } else {
    auto picture = read_picture(*object, part && !id.empty() ? part("image") : nullptr);
    if (!picture) return std::unexpected(picture.error());
    item.picture = std::move(*picture);
  }
  WARIFU_TAKE(item.picture_name, object->text("image_name"));
  auto labels = read_labels(*object, "labels");
  if (!labels) return std::unexpected(labels.error());
  item.labels = std::move(*labels);
  auto attributes = read_labels(*object, "attributes");
  if (!attributes) return std::unexpected(attributes.error());
  item.attributes = std::move(*attributes);
  auto groups = object->texts("groups");
  if (!groups) return std::unexpected(groups.error());
  item.groups = std::move(*groups);
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  return item;
}

Result<std::vector<Result<NewItem>>> read_batch(const Json& json, const FindPart& part, std::vector<std::string>& ids) {
  auto object = Object::of(json, "the batch");
  if (!object) return std::unexpected(object.error());
  const Json* list = object->get("items");
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  if (list == nullptr || !list->is_array()) return bad("the batch has no list 'items'");
  if (list->size() > kMaxBatchItems)
    return bad(fmt::format("{} items; a batch takes at most {}", list->size(), kMaxBatchItems), "send several batches");
  std::vector<Result<NewItem>> items;
  for (const Json& one : *list) {
    items.push_back(read_item(one, "", part));
    const auto id = one.is_object() ? one.find("id") : one.end();
    ids.push_back(one.is_object() && id != one.end() && id->is_string() ? id->get<std::string>() : "");
  }
  return items;
}

Result<JobRequest> read_job(const Json& json) {
  auto object = Object::of(json, "the job");
  if (!object) return std::unexpected(object.error());
  JobRequest job;
  WARIFU_TAKE(job.kind, object->text("kind"));
  const Json* arguments = object->get("arguments");
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  if (job.kind.empty()) return bad("the job has no 'kind'", "for example {\"kind\": \"backup\", …}");
  if (arguments != nullptr && !arguments->is_object()) return bad("'arguments' is not an object");
  job.arguments = arguments != nullptr ? text_of(*arguments) : "{}";
  return job;
}

Result<std::string> read_key(const Json& json) {
  auto object = Object::of(json, "the body");
  if (!object) return std::unexpected(object.error());
  std::string key;
  WARIFU_TAKE(key, object->text("key"));
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  return key;
}

Result<UserRequest> read_user(const Json& json, bool with_name) {
  auto object = Object::of(json, "the user");
  if (!object) return std::unexpected(object.error());
  UserRequest user;
  if (with_name) WARIFU_TAKE(user.name, object->text("name"));
  WARIFU_TAKE(user.groups, object->texts("groups"));
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  return user;
}

Result<NewKeyRequest> read_new_key(const Json& json) {
  auto object = Object::of(json, "the key");
  if (!object) return std::unexpected(object.error());
  NewKeyRequest key;
  WARIFU_TAKE(key.user, object->text("user"));
  WARIFU_TAKE(key.scopes, object->texts("scopes"));
  const auto days = object->count("expires_days", 1, 36500);
  if (!days) return std::unexpected(days.error());
  key.expires_days = *days;
  WARIFU_TAKE(key.note, object->text("note"));
  if (auto done = object->nothing_else(); !done) return std::unexpected(done.error());
  return key;
}

std::string write_cursor(std::string_view place) {
  std::string text(sodium_base64_ENCODED_LEN(place.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(place.data()), place.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.pop_back();  // the terminating zero
  return text;
}

Result<std::string> read_cursor(std::string_view cursor) {
  std::string place(cursor.size(), '\0');
  std::size_t length = 0;
  if (cursor.size() > 4096 ||
      sodium_base642bin(reinterpret_cast<unsigned char*>(place.data()), place.size(), cursor.data(), cursor.size(),
                        nullptr, &length, nullptr, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
    return bad("'cursor' is not one of an answer of this server");
  place.resize(length);
  return place;
}

Json write_labels(const std::vector<Label>& labels) {
  Json json = Json::object();
  for (const Label& label : labels) json[label.column].push_back(label.value);
  return json;
}

Json thumbnail_path(const Item& item) {
  if (item.image_uri.empty()) return nullptr;
  return "/v1/items/" + percent_encode(item.id) + "/thumbnail";
}

Json write(const ServiceAnswer& answer, std::size_t next_offset) {
  Json hits = Json::array();
  for (const FoundItem& found : answer.found.items) {
    Json hit = {{"rank", found.rank},
                {"id", found.item.id},
                {"modality", modality_name(found.modality)},
                {"distance", found.distance ? Json(*found.distance) : Json()},
                {"score", found.score}};
    if (found.probability) {
      hit["probability"] = *found.probability;
      hit["confidence"] = confidence_name(confidence_of(*found.probability));
    }
    hit["channels"] = found.channels;
    if (!found.matched_words.empty()) hit["words"] = found.matched_words;
    hit["uri"] = found.picture.string();
    hit["thumb"] = thumbnail_path(found.item);
    hit["text"] = found.item.text.value_or("");
    hit["labels"] = write_labels(found.item.labels);
    hit["attributes"] = write_labels(found.item.attributes);
    hits.push_back(std::move(hit));
  }
  Json json = {{"space", answer.space}, {"bits", answer.bits}, {"hits", std::move(hits)}};
  if (answer.found.more) json["cursor"] = write_cursor(std::to_string(next_offset));
  json["no_good_match"] = answer.found.no_good_match;
  json["reranked"] = answer.reranked;
  return json;
}

Json write(const Item& item, const std::string& uri, bool administrator) {
  Json json = {{"id", item.id},
               {"text", item.text.value_or("")},
               {"labels", write_labels(item.labels)},
               {"attributes", write_labels(item.attributes)},
               {"groups", item.groups},
               {"uri", uri},
               {"thumb", thumbnail_path(item)}};
  if (administrator && !item.original_uri.empty()) json["original_uri"] = item.original_uri;
  return json;
}

std::string hex_of(std::span<const std::uint64_t> code, std::size_t bits) {
  std::string hex;
  for (std::size_t byte = 0; byte * 8 < bits; ++byte)
    hex += fmt::format("{:02x}", code[byte / 8] >> (8 * (byte % 8)) & 0xFF);
  return hex;
}

Json write(const EncodedContent& encoded) {
  Json json = {{"space", encoded.space},
               {"bits", encoded.bits},
               {"fingerprint", encoded.fingerprint},
               {"modality", modality_name(encoded.modality)},
               {"code", hex_of(encoded.code, encoded.bits)}};
  if (!encoded.embedding.empty()) json["embedding"] = encoded.embedding;
  return json;
}

Json write(const ServiceSpace& space) {
  Json json = {{"name", space.name},
               {"method", space.method},
               {"bits", space.bits},
               {"generation", space.generation},
               {"image_encoder", space.image_encoder},
               {"text_encoder", space.text_encoder},
               {"served", space.served},
               {"calibrated", space.calibrated}};
  if (!space.problem.empty()) json["problem"] = space.problem;
  return json;
}

Json write(const Job& job) {
  const auto object_of = [](const std::string& text) {
    Json json = Json::parse(text.empty() ? "{}" : text, nullptr, false);
    return json.is_object() ? json : Json::object();
  };
  Json json = {{"id", job.id},       {"kind", job.kind}, {"owner", job.owner}, {"state", job.state},
               {"stage", job.stage}, {"done", job.done}, {"total", job.total}, {"created", job.created}};
  if (!job.note.empty()) json["note"] = job.note;
  if (!job.finished.empty()) json["finished"] = job.finished;
  json["arguments"] = object_of(job.arguments);
  if (!job.result.empty()) json["result"] = object_of(job.result);
  return json;
}

Json write(const ServiceCollection& collection) {
  Json splits = Json::object();
  for (const auto& [name, items] : collection.splits) splits[name] = items;
  Json columns = Json::array();
  for (const ValueColumn& column : collection.columns)
    columns.push_back(
        {{"name", column.name}, {"kind", column.is_label ? "label" : "attribute"}, {"values", column.values}});
  Json groups = Json::array();
  for (const GroupSize& group : collection.groups) groups.push_back({{"name", group.name}, {"items", group.items}});
  return {{"items", collection.counts.items},
          {"pictures", collection.counts.with_image},
          {"texts", collection.counts.with_text},
          {"pairs", collection.counts.with_both},
          {"splits", splits},
          {"columns", columns},
          {"groups", groups},
          {"rejected", collection.counts.rejections},
          {"anonymised", collection.anonymised}};
}

Json write(const ServiceFeedback& feedback) {
  const auto known = [](const std::optional<std::size_t>& value) { return value ? Json(*value) : Json(); };
  Json list = Json::array();
  for (const Judgement& one : feedback.judgements)
    list.push_back({{"time", utc_text(one.time)},
                    {"who", one.who},
                    {"query", one.query.id()},
                    {"text", one.query.text},
                    {"item_id", one.query.item_id},
                    {"image", !one.query.picture.empty()},
                    {"id", one.item},
                    {"right", one.right},
                    {"rank", known(one.rank)},
                    {"distance", known(one.distance)},
                    {"confidence", one.confidence}});
  return {{"judgements", list},
          {"right", feedback.counts.right},
          {"wrong", feedback.counts.wrong},
          {"queries", feedback.counts.queries}};
}

std::string_view outcome_name(Stored stored) {
  switch (stored) {
    case Stored::kAdded:
      return "added";
    case Stored::kUpdated:
      return "updated";
    case Stored::kUnchanged:
      return "unchanged";
  }
  return "unchanged";
}

Json write(const WriteOutcome& outcome) { return {{"id", outcome.id}, {"outcome", outcome_name(outcome.stored)}}; }

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace warifu::wire
