#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/explain_sentence.h"
#include "engine/service.h"

// What goes over the wire: JSON of docs and src/server/openapi.json into the engine's types and back. Reading is
// strict: a key that is not known, a value of another type and a number out of range are kInvalidArgument naming the
// key.
namespace warifu::wire {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t kMaxBatchItems = 1000;

// A JSON document from the network. kInvalidArgument with the place where it breaks off; nesting is bounded.
Result<Json> parse(std::string_view text);

// Finds the part of a multipart body by its name; null: there is none (or the body was no multipart).
using FindPart = std::function<const std::string_view*(std::string_view name)>;

// `image`: the part of that name, taken where the query has none itself.
Result<ServiceQuery> read_query(const Json& json, const std::string_view* image);
Result<Filter> read_filter(const Json& json);
// As {"text","image"} of POST /v1/encode: text and picture bytes.
struct Content {
  std::optional<std::string> text;
  std::optional<std::vector<std::byte>> picture;
};
Result<Content> read_content(const Json& json, const std::string_view* image);
// As {"text","image","item_id","id","modality","language"} of POST /v1/explain.
struct ExplainRequest {
  ExplainQuery query;
  Language language = Language::kEnglish;
};
Result<ExplainRequest> read_explain(const Json& json, const std::string_view* image);
Result<FeedbackRequest> read_feedback(const Json& json, const std::string_view* image);
// `id`: from the path; empty: from the object.
Result<NewItem> read_item(const Json& json, std::string_view id, const FindPart& part);
Result<std::vector<Result<NewItem>>> read_batch(const Json& json, const FindPart& part, std::vector<std::string>& ids);

struct JobRequest {
  std::string kind;
  std::string arguments;  // a JSON object
};
Result<JobRequest> read_job(const Json& json);
Result<std::string> read_key(const Json& json);  // {"key": …}
struct UserRequest {
  std::string name;
  std::vector<std::string> groups;
};
Result<UserRequest> read_user(const Json& json, bool with_name);
struct NewKeyRequest {
  std::string user;
  std::vector<std::string> scopes;
  std::optional<std::size_t> expires_days;  // 1 … 36500
  std::string note;
};
Result<NewKeyRequest> read_new_key(const Json& json);

// A place in a ranking or listing, for the next page. Opaque to callers, so not to be made by hand.
std::string write_cursor(std::string_view place);
Result<std::string> read_cursor(std::string_view cursor);

Json write(const ServiceAnswer& answer, std::size_t next_offset);
Json write(const Item& item, const std::string& uri, bool administrator);
Json write(const EncodedContent& encoded);
Json write(const Explanation& explanation, Language language);
Json write(const ServiceSpace& space);
Json write(const Job& job);
Json write(const ServiceCollection& collection);
Json write(const ServiceFeedback& feedback);
Json write(const WriteOutcome& outcome);
std::string_view outcome_name(Stored stored);  // "added", "updated", "unchanged"

// Labels as {"column": ["value", …]}.
Json write_labels(const std::vector<Label>& labels);

// Path of an item's thumbnail, null where it has no picture.
Json thumbnail_path(const Item& item);

// A code of so many bits in hexadecimal, bit 0 first, in the lowest bit of the first byte.
std::string hex_of(std::span<const std::uint64_t> code, std::size_t bits);

// Serialised; malformed UTF-8 (file names) is replaced.
std::string text_of(const Json& json);

}  // namespace warifu::wire
