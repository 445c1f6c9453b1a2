#include "server/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <functional>
#include <utility>

#include "server/docs_page.h"
#include "server/multipart.h"
#include "server/openapi.h"
#include "server/problem.h"
#include "server/wire.h"

namespace warifu {
namespace {

using wire::Json;

// What admit() found out about a request.
struct Admitted {
  const HttpRoute* route = nullptr;
  PathParameters parameters;
  Principal principal;
  RateLimiter::Admission place;
  mutable std::vector<std::string> changed_items;  // for the audit line: ids that stand in the body
};

const Admitted& admitted(const HttpRequest& request) { return std::any_cast<const Admitted&>(request.context); }

HttpResponse json_response(int status, const Json& json) {
  return text_response(status, "application/json", wire::text_of(json) + "\n");
}

HttpResponse no_content() { return HttpResponse{204, {}, {}}; }

// The body of a request: a JSON object, and parts that came beside it.
class Body {
 public:
  // `json_part`: the name of the part that holds the object in a multipart body; without it the object is empty.
  static std::expected<Body, Problem> read(const HttpRequest& request, std::string_view json_part) {
    Body body;
    const auto type = request.header("Content-Type").value_or("");
    if (is_multipart_form(type)) {
      auto parts = parse_multipart(type, request.body);
      if (!parts) return std::unexpected(problem_of(parts.error()));
      body.parts_ = std::move(*parts);
      body.is_multipart_ = true;
      const std::string_view* text = body.part(json_part);
      if (text == nullptr) return body;
      return body.parse(*text);
    }
    const auto semicolon = std::min(type.find(';'), type.size());
    if (!equals_ignoring_case(type.substr(0, semicolon), "application/json"))
      return std::unexpected(Problem{415, "unsupported_media_type",
                                     fmt::format("a body of type '{}' is not taken here", type),
                                     "send application/json, or multipart/form-data where there are pictures"});
    return body.parse(request.body);
  }

  const Json& json() const { return json_; }
  bool is_multipart() const { return is_multipart_; }

  const std::string_view* part(std::string_view name) const {
    const auto found = std::ranges::find(parts_, name, &FormPart::name);
    return found == parts_.end() ? nullptr : &found->content;
  }
  // The file name that came with a part; empty: none.
  std::string file_name(std::string_view name) const {
    const auto found = std::ranges::find(parts_, name, &FormPart::name);
    return found == parts_.end() ? "" : found->filename.value_or("");
  }

 private:
  std::expected<Body, Problem> parse(std::string_view text) {
    auto json = wire::parse(text);
    if (!json) return std::unexpected(problem_of(json.error()));
    json_ = std::move(*json);
    return std::move(*this);
  }

  Json json_ = Json::object();
  std::vector<FormPart> parts_;
  bool is_multipart_ = false;
};

// A whole number of the query string in a range.
Result<std::size_t> number_of(const HttpRequest& request, std::string_view name, std::size_t usual, std::size_t least,
                              std::size_t most) {
  const auto text = request.query_value(name);
  if (!text) return usual;
  std::size_t value = 0;
  for (const char c : *text) {
    if (c < '0' || c > '9' || text->size() > 9)
      return fail(ErrorCode::kInvalidArgument, fmt::format("'{}={}' is not a whole number", name, *text));
    value = value * 10 + static_cast<std::size_t>(c - '0');
  }
  if (text->empty() || value < least || value > most)
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}={}' is not in {} … {}", name, *text, least, most));
  return value;
}

// filter=COLUMN=VALUE, all of them; nothing where there is none.
Result<std::optional<Filter>> filter_of(const HttpRequest& request) {
  Filter all;
  for (const auto& [name, value] : request.query) {
    if (name != "filter") continue;
    auto part = parse_condition(value);
    if (!part) return std::unexpected(part.error());
    all.parts.push_back(std::move(*part));
  }
  if (all.parts.empty()) return std::nullopt;
  return all;
}

Result<void> only_known(const HttpRequest& request, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : request.query)
    if (std::ranges::find(known, name) == known.end())
      return fail(ErrorCode::kInvalidArgument, fmt::format("there is no query parameter '{}' here", name));
  return {};
}

std::string_view kind_of(const ServiceQuery& query) {
  if (query.like) return "like";
  if (query.text && query.picture) return "text+image";
  return query.picture ? "image" : "text";
}

SearchStage stage_of(Stage stage) {
  switch (stage) {
    case Stage::kDecode:
      return SearchStage::kDecode;
    case Stage::kEncode:
      return SearchStage::kEncode;
    case Stage::kScan:
      return SearchStage::kScan;
    case Stage::kWords:
      return SearchStage::kWords;
    case Stage::kFuse:
      return SearchStage::kFuse;
    case Stage::kRerank:
      return SearchStage::kRerank;
    case Stage::kFilter:
      return SearchStage::kFilter;
    case Stage::kThumbnail:
      return SearchStage::kThumbnail;
  }
  return SearchStage::kFuse;
}

}  // namespace

class Api::Impl {
 public:
  Impl(Access& access, std::filesystem::path workspace, ApiOptions options)
      : access_(access),
        workspace_(std::move(workspace)),
        options_(std::move(options)),
        sessions_({.secure = options_.tls}),
        limiter_(options_.rate) {
    add_routes();
  }

  void set_service(Service& service) {
    service.observe_stages([this](Stage stage, double seconds) { metrics_.time_stage(stage_of(stage), seconds); });
    service_ = &service;
  }

  std::optional<HttpResponse> admit(HttpRequest& request);
  HttpResponse handle(const HttpRequest& request);
  void observe(const HttpRequest& request, const HttpResponse& response, double seconds);
  bool is_fast(const HttpRequest& request) const {
    const auto* context = std::any_cast<Admitted>(&request.context);
    return context != nullptr && context->route->fast;
  }

  std::function<HttpServerLoad()> load_;
  ServiceMetrics metrics_;

 private:
  using Parameters = PathParameters;

  // Who asks; a problem where nobody may.
  std::expected<Principal, Problem> principal_of(const HttpRequest& request);
  std::optional<HttpResponse> refuse(const HttpRequest& request, const Principal* principal, const Problem& problem,
                                     std::string_view pattern);
  Result<void> audit(const HttpRequest& request, const Principal& principal, std::string_view action,
                     std::vector<std::string> items, int status);
  Service& service() { return *service_; }

  void add_routes();
  void add(std::string method, std::string pattern, std::string scope,
           HttpResponse (Impl::*handler)(const HttpRequest&, const Parameters&), bool fast = false) {
    router_.add({std::move(method), std::move(pattern), std::move(scope),
                 [this, handler](const HttpRequest& request, const Parameters& parameters) {
                   return (this->*handler)(request, parameters);
                 },
                 fast});
  }

  static HttpResponse problem(const HttpRequest& request, const Error& error,
                              BadFormatIs bad_format = BadFormatIs::kRequest) {
    return problem_response(error, request.id, bad_format);
  }
  static HttpResponse problem(const HttpRequest& request, const Problem& problem) {
    return problem_response(problem, request.id);
  }

  HttpResponse answer(const HttpRequest& request, ServiceQuery query);
  HttpResponse search(const HttpRequest& request, const Parameters&);
  HttpResponse search_by_words(const HttpRequest& request, const Parameters&);
  HttpResponse suggest(const HttpRequest& request, const Parameters&);
  HttpResponse label_columns(const HttpRequest& request, const Parameters&);
  HttpResponse label_values(const HttpRequest& request, const Parameters& path);
  HttpResponse encode(const HttpRequest& request, const Parameters&);
  HttpResponse list_items(const HttpRequest& request, const Parameters&);
  HttpResponse get_item(const HttpRequest& request, const Parameters& path);
  HttpResponse put_item(const HttpRequest& request, const Parameters& path);
  HttpResponse delete_item(const HttpRequest& request, const Parameters& path);
  HttpResponse put_items(const HttpRequest& request, const Parameters&);
  HttpResponse thumbnail(const HttpRequest& request, const Parameters& path);
  HttpResponse count(const HttpRequest& request, const Parameters&);
  HttpResponse spaces(const HttpRequest& request, const Parameters&);
  HttpResponse status(const HttpRequest& request, const Parameters&);
  HttpResponse latency(const HttpRequest& request, const Parameters&);
  HttpResponse list_jobs(const HttpRequest& request, const Parameters&);
  HttpResponse start_job(const HttpRequest& request, const Parameters&);
  HttpResponse get_job(const HttpRequest& request, const Parameters& path);
  HttpResponse cancel_job(const HttpRequest& request, const Parameters& path);
  HttpResponse who_am_i(const HttpRequest& request, const Parameters&);
  HttpResponse sign_in(const HttpRequest& request, const Parameters&);
  HttpResponse sign_out(const HttpRequest& request, const Parameters&);
  HttpResponse list_users(const HttpRequest& request, const Parameters&);
  HttpResponse add_user(const HttpRequest& request, const Parameters&);
  HttpResponse set_groups(const HttpRequest& request, const Parameters& path);
  HttpResponse remove_user(const HttpRequest& request, const Parameters& path);
  HttpResponse list_keys(const HttpRequest& request, const Parameters&);
  HttpResponse make_key(const HttpRequest& request, const Parameters&);
  HttpResponse revoke_key(const HttpRequest& request, const Parameters& path);
  HttpResponse audit_lines(const HttpRequest& request, const Parameters&);
  HttpResponse health(const HttpRequest& request, const Parameters&);
  HttpResponse readiness(const HttpRequest& request, const Parameters&);
  HttpResponse metrics(const HttpRequest& request, const Parameters&);
  HttpResponse openapi(const HttpRequest& request, const Parameters&);
  HttpResponse docs(const HttpRequest& request, const Parameters&);
  HttpResponse front(const HttpRequest& request, const Parameters&);

  HttpResponse user_response(const HttpRequest& request, int status, std::string_view name);
  Json write_job(const Job& job, const HttpRequest& request) const;

  Access& access_;
  std::filesystem::path workspace_;
  ApiOptions options_;
  Sessions sessions_;
  RateLimiter limiter_;
  Router router_;
  std::atomic<Service*> service_ = nullptr;
};

// ---- who asks, and whether they may ----

namespace {

constexpr std::string_view kNobody = "none";  // scope of routes that everybody may ask
constexpr std::string_view kAnyone = "any";   // ... that everybody with a key may ask

constexpr std::size_t kMaxOpenBody = std::size_t{64} << 10;

// The memory for bodies is one for all requests, and an announced body takes its place before it comes: those who have
// not said who they are get only little of it, else a few of their connections would keep everybody's pictures out.
bool is_too_large_for_anybody(const HttpRequest& request) {
  if (request.header("Transfer-Encoding")) return true;  // of a length that is not announced
  const auto text = request.header("Content-Length").value_or("0");
  std::size_t length = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), length);
  return read.ec != std::errc() || length > kMaxOpenBody;
}

std::optional<Scope> scope_of(std::string_view name) {
  if (name == "search") return Scope::kSearch;
  if (name == "read") return Scope::kRead;
  if (name == "write") return Scope::kWrite;
  if (name == "admin") return Scope::kAdmin;
  return std::nullopt;
}

}  // namespace

std::expected<Principal, Problem> Api::Impl::principal_of(const HttpRequest& request) {
  const auto users = access_.store().any_users();
  if (!users) return std::unexpected(problem_of(users.error()));
  if (!*users) {
    // Whoever reaches this machine's loopback interface may; but not the page of somebody else in its browser.
    if (changes_state(request) && is_cross_site(request))
      return std::unexpected(Problem{403, "cross_site", "another site's page sent this request", ""});
    return local_owner();
  }
  Result<std::optional<Principal>> found = std::nullopt;
  if (const auto token = request.bearer_token()) {
    found = access_.store().authenticate(*token);
  } else if (const auto key = sessions_.find(request)) {
    if (changes_state(request) && !is_from_our_page(request))
      return std::unexpected(Problem{403, "cross_site", "a request by cookie that did not come from our page",
                                     "send the header X-Warifu: 1"});
    found = access_.store().principal_of(*key);
  }
  if (!found) return std::unexpected(problem_of(found.error()));
  if (!*found)
    return std::unexpected(Problem{401, "unauthorized", "a valid key is needed",
                                   "send the header Authorization: Bearer KEY; administrators make keys"});
  return std::move(**found);
}

Result<void> Api::Impl::audit(const HttpRequest& request, const Principal& principal, std::string_view action,
                              std::vector<std::string> items, int status) {
  AuditEntry entry;
  entry.who = principal.name;
  entry.key = principal.key_id;
  entry.action = action;
  entry.items = std::move(items);
  entry.outcome = status == 401 || status == 403 ? Outcome::kRefused
                  : status >= 400                ? Outcome::kFailed
                                                 : Outcome::kDone;
  entry.status = status;
  entry.request = request.id;
  if (!request.peer.empty()) entry.detail.emplace_back("peer", request.peer);
  return access_.log().append(entry);
}

std::optional<HttpResponse> Api::Impl::refuse(const HttpRequest& request, const Principal* principal,
                                              const Problem& refusal, std::string_view pattern) {
  HttpResponse response = problem_response(refusal, request.id);
  if (refusal.status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer realm=\"warifu\""});
  Principal nobody;
  nobody.name = "anonymous";
  if (refusal.status == 401 || refusal.status == 403) {
    const auto written = audit(request, principal != nullptr ? *principal : nobody,
                               fmt::format("{} {}", request.method, pattern), {}, refusal.status);
    if (!written) return problem_response(written.error(), request.id);
  }
  return response;
}

std::optional<HttpResponse> Api::Impl::admit(HttpRequest& request) {
  auto match = router_.match(request);
  if (!match) return router_.refusal(request, match.error());
  Admitted context;
  context.route = match->route;
  context.parameters = std::move(match->parameters);
  const std::string& scope = context.route->scope;
  if (scope != kNobody) {
    auto principal = principal_of(request);
    if (!principal) return refuse(request, nullptr, principal.error(), context.route->pattern);
    context.principal = std::move(*principal);
    const auto needed = scope_of(scope);
    if (needed && !context.principal.scopes.has(*needed))
      return refuse(request, &context.principal,
                    Problem{403, "permission_denied", fmt::format("this needs the scope '{}'", scope),
                            "ask an administrator for a key that has it"},
                    context.route->pattern);
    if (!context.route->fast) {
      const std::string who = context.principal.key_id.empty() ? request.peer : context.principal.key_id;
      auto place = limiter_.admit(who);
      if (!place) return problem_response(place.error(), request.id);
      context.place = std::move(*place);
      if (service_ == nullptr)
        return problem_response(Problem{503, "unavailable", "the server is starting", "ask /readyz", 2}, request.id);
    }
  } else if (changes_state(request) && is_cross_site(request)) {
    return problem_response(Problem{403, "cross_site", "another site's page sent this request", ""}, request.id);
  } else if (is_too_large_for_anybody(request)) {
    return problem_response(
        Problem{413, "payload_too_large",
                fmt::format("without a key only bodies of up to {} KiB are taken here, and none in chunks",
                            kMaxOpenBody >> 10),
                ""},
        request.id);
  }
  request.context = std::move(context);
  return std::nullopt;
}

HttpResponse Api::Impl::handle(const HttpRequest& request) {
  const Admitted& context = admitted(request);
  HttpResponse response = context.route->handle(request, context.parameters);
  // What is done is written down before it is answered; changes of users and keys have written their own line, but for
  // those that were impossible.
  const std::string& pattern = context.route->pattern;
  const bool own_line = (pattern.starts_with("/v1/users") || pattern.starts_with("/v1/keys")) &&
                        changes_state(request) && (response.status < 400 || response.status >= 500);
  if (context.route->scope == kNobody || context.route->fast || own_line) return response;
  std::vector<std::string> items = context.changed_items;
  if (pattern.starts_with("/v1/items/{id}")) items.push_back(context.parameters["id"]);
  const auto written = audit(request, context.principal, fmt::format("{} {}", request.method, pattern),
                             std::move(items), response.status);
  if (written) return response;
  return problem_response(Problem{503, "audit_unavailable", "the audit log cannot be written", "look at the server", 5},
                          request.id);
}

void Api::Impl::observe(const HttpRequest& request, const HttpResponse& response, double seconds) {
  const auto* context = std::any_cast<Admitted>(&request.context);
  metrics_.count_request(context != nullptr ? context->route->pattern : "", request.method, response.status, seconds);
}

// ---- search ----

HttpResponse Api::Impl::answer(const HttpRequest& request, ServiceQuery query) {
  const auto started = std::chrono::steady_clock::now();
  const std::string_view kind = kind_of(query);
  const std::size_t next = query.offset + query.limit;
  const auto found = service().search(admitted(request).principal, query);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (!found) {
    metrics_.count_search(kind, problem_of(found.error(), BadFormatIs::kContent).code, seconds);
    return problem(request, found.error(), BadFormatIs::kContent);
  }
  metrics_.count_search(kind, "ok", seconds);
  return json_response(200, wire::write(*found, next));
}

HttpResponse Api::Impl::search(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {}); !known) return problem(request, known.error());
  const auto body = Body::read(request, "query");
  if (!body) return problem(request, body.error());
  auto query = wire::read_query(body->json(), body->part("image"));
  if (!query) return problem(request, query.error());
  return answer(request, std::move(*query));
}

HttpResponse Api::Impl::search_by_words(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"text", "limit", "cursor", "find", "filter"}); !known)
    return problem(request, known.error());
  Json json = Json::object();
  for (const char* name : {"text", "cursor", "find"})
    if (const auto value = request.query_value(name)) json[name] = *value;
  auto query = wire::read_query(json, nullptr);
  if (!query) return problem(request, query.error());
  const auto limit = number_of(request, "limit", query->limit, 1, 1000);
  if (!limit) return problem(request, limit.error());
  query->limit = *limit;
  auto filter = filter_of(request);
  if (!filter) return problem(request, filter.error());
  query->filter = std::move(*filter);
  return answer(request, std::move(*query));
}

HttpResponse Api::Impl::suggest(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"prefix", "limit"}); !known) return problem(request, known.error());
  const auto limit = number_of(request, "limit", 10, 1, 100);
  if (!limit) return problem(request, limit.error());
  const auto prefix = request.query_value("prefix").value_or("");
  if (prefix.empty())
    return problem(request, Error{ErrorCode::kInvalidArgument, "'prefix' is empty", "type something"});
  const auto found = service().suggest(admitted(request).principal, prefix, *limit);
  if (!found) return problem(request, found.error());
  Json list = Json::array();
  for (const Suggestion& one : *found)
    list.push_back({{"column", one.column}, {"value", one.value}, {"items", one.items}});
  return json_response(200, {{"suggestions", list}});
}

HttpResponse Api::Impl::label_columns(const HttpRequest& request, const Parameters&) {
  const auto columns = service().label_columns(admitted(request).principal);
  if (!columns) return problem(request, columns.error());
  return json_response(200, {{"columns", *columns}});
}

HttpResponse Api::Impl::label_values(const HttpRequest& request, const Parameters& path) {
  const auto values = service().count_values(admitted(request).principal, path["column"]);
  if (!values) return problem(request, values.error());
  Json list = Json::array();
  for (const ValueCount& one : *values) list.push_back({{"value", one.value}, {"items", one.items}});
  return json_response(200, {{"column", path["column"]}, {"values", list}});
}

HttpResponse Api::Impl::encode(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "query");
  if (!body) return problem(request, body.error());
  const auto content = wire::read_content(body->json(), body->part("image"));
  if (!content) return problem(request, content.error());
  const auto encoded = service().encode(admitted(request).principal, content->text, content->picture);
  if (!encoded) return problem(request, encoded.error(), BadFormatIs::kContent);
  return json_response(200, wire::write(*encoded));
}

// ---- items ----

HttpResponse Api::Impl::list_items(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"limit", "cursor", "filter"}); !known) return problem(request, known.error());
  const auto limit = number_of(request, "limit", 100, 1, 1000);
  if (!limit) return problem(request, limit.error());
  const auto filter = filter_of(request);
  if (!filter) return problem(request, filter.error());
  std::string after;
  if (const auto cursor = request.query_value("cursor")) {
    auto place = wire::read_cursor(*cursor);
    if (!place) return problem(request, place.error());
    after = std::move(*place);
  }
  const Principal& principal = admitted(request).principal;
  auto items = service().items(principal, after, *limit + 1, *filter);
  if (!items) return problem(request, items.error());
  const bool more = items->size() > *limit;
  if (more) items->resize(*limit);
  Json list = Json::array();
  for (const Item& item : *items)
    list.push_back(wire::write(item, service().picture_uri(item), principal.sees_everything));
  Json json = {{"items", std::move(list)}};
  if (more) json["cursor"] = wire::write_cursor(items->back().id);
  return json_response(200, json);
}

HttpResponse Api::Impl::get_item(const HttpRequest& request, const Parameters& path) {
  const Principal& principal = admitted(request).principal;
  const auto item = service().item(principal, path["id"]);
  if (!item) return problem(request, item.error());
  return json_response(200, wire::write(*item, service().picture_uri(*item), principal.sees_everything));
}

HttpResponse Api::Impl::put_item(const HttpRequest& request, const Parameters& path) {
  const auto body = Body::read(request, "item");
  if (!body) return problem(request, body.error());
  auto item = wire::read_item(body->json(), path["id"], [&](std::string_view name) { return body->part(name); });
  if (!item) return problem(request, item.error());
  if (item->picture && item->picture_name.empty()) item->picture_name = body->file_name("image");
  std::vector<NewItem> items;
  items.push_back(std::move(*item));
  const auto written = service().put(admitted(request).principal, std::move(items), /*replace=*/true);
  if (!written) return problem(request, written.error());
  const WriteOutcome& outcome = written->front();
  metrics_.count_ingested(outcome.error ? "rejected" : wire::outcome_name(outcome.stored), 1);
  if (outcome.error) return problem(request, *outcome.error, BadFormatIs::kContent);
  return json_response(outcome.stored == Stored::kAdded ? 201 : 200, wire::write(outcome));
}

HttpResponse Api::Impl::delete_item(const HttpRequest& request, const Parameters& path) {
  if (auto removed = service().remove(admitted(request).principal, path["id"]); !removed)
    return problem(request, removed.error());
  metrics_.count_ingested("removed", 1);
  return no_content();
}

HttpResponse Api::Impl::put_items(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "items");
  if (!body) return problem(request, body.error());
  std::vector<std::string> ids;
  auto batch = wire::read_batch(
      body->json(), [&](std::string_view name) { return body->part(name); }, ids);
  if (!batch) return problem(request, batch.error());
  std::vector<NewItem> items;
  std::vector<std::size_t> places;
  std::vector<std::optional<Error>> errors(batch->size());
  std::vector<std::string> outcomes(batch->size());
  for (std::size_t i = 0; i < batch->size(); ++i) {
    if (!(*batch)[i]) {
      errors[i] = (*batch)[i].error();
      continue;
    }
    items.push_back(std::move(*(*batch)[i]));
    places.push_back(i);
  }
  if (!items.empty()) {
    const auto written = service().put(admitted(request).principal, std::move(items), /*replace=*/true);
    if (!written) return problem(request, written.error());
    for (std::size_t i = 0; i < places.size(); ++i) {
      errors[places[i]] = (*written)[i].error;
      outcomes[places[i]] = wire::outcome_name((*written)[i].stored);
    }
  }
  Json results = Json::array();
  std::size_t failed = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Json result = {{"id", ids[i]}};
    if (errors[i]) {
      ++failed;
      const Problem why = problem_of(*errors[i], BadFormatIs::kContent);
      result["status"] = why.status;
      result["problem"] = Json::parse(problem_response(why, request.id).body);
    } else {
      result["status"] = outcomes[i] == "added" ? 201 : 200;
      result["outcome"] = outcomes[i];
      admitted(request).changed_items.push_back(ids[i]);
      metrics_.count_ingested(outcomes[i], 1);
    }
    results.push_back(std::move(result));
  }
  metrics_.count_ingested("rejected", failed);
  return json_response(207, {{"results", results}, {"stored", ids.size() - failed}, {"failed", failed}});
}

HttpResponse Api::Impl::thumbnail(const HttpRequest& request, const Parameters& path) {
  const auto width = number_of(request, "w", 256, 16, 2048);
  if (!width) return problem(request, width.error());
  const auto found = service().thumbnail(admitted(request).principal, path["id"], static_cast<int>(*width));
  if (!found) return problem(request, found.error(), BadFormatIs::kContent);
  const std::string tag = "\"" + found->tag + "\"";
  // Asked for again each time: the right to see it may be gone.
  const std::vector<HttpHeader> headers = {{"ETag", tag}, {"Cache-Control", "private, no-cache"}};
  if (const auto known = request.header("If-None-Match"); known && known->find(tag) != std::string_view::npos)
    return HttpResponse{304, headers, {}};
  HttpResponse response{200, headers,
                        std::string(reinterpret_cast<const char*>(found->bytes.data()), found->bytes.size())};
  response.headers.push_back({"Content-Type", found->content_type});
  return response;
}

HttpResponse Api::Impl::count(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"filter"}); !known) return problem(request, known.error());
  const auto filter = filter_of(request);
  if (!filter) return problem(request, filter.error());
  const auto items = service().count(admitted(request).principal, *filter);
  if (!items) return problem(request, items.error());
  return json_response(200, {{"items", *items}});
}

// ---- the server ----

HttpResponse Api::Impl::spaces(const HttpRequest& request, const Parameters&) {
  const auto spaces = service().spaces(admitted(request).principal);
  if (!spaces) return problem(request, spaces.error());
  Json list = Json::array();
  for (const ServiceSpace& space : *spaces) list.push_back(wire::write(space));
  return json_response(200, {{"spaces", list}});
}

HttpResponse Api::Impl::status(const HttpRequest& request, const Parameters&) {
  const Principal& principal = admitted(request).principal;
  const auto counts = service().counts(principal);
  if (!counts) return problem(request, counts.error());
  const CodeSpace& space = service().space();
  Json json = {{"items", counts->items}, {"space", space.name}, {"bits", space.bits}, {"version", options_.version}};
  if (principal.sees_everything) {
    json["pending"] = counts->pending;
    json["codes"] = counts->codes;
    json["code_bytes"] = counts->code_bytes;
  }
  return json_response(200, json);
}

HttpResponse Api::Impl::latency(const HttpRequest&, const Parameters&) {
  return text_response(200, "text/plain; charset=utf-8", metrics_.latency_text());
}

Json Api::Impl::write_job(const Job& job, const HttpRequest& request) const {
  Json json = wire::write(job);
  if (job.error) json["problem"] = Json::parse(problem_response(problem_of(*job.error), request.id).body);
  return json;
}

HttpResponse Api::Impl::list_jobs(const HttpRequest& request, const Parameters&) {
  const auto jobs = service().jobs(admitted(request).principal);
  if (!jobs) return problem(request, jobs.error());
  Json list = Json::array();
  for (const Job& job : *jobs) list.push_back(write_job(job, request));
  return json_response(200, {{"jobs", list}});
}

HttpResponse Api::Impl::start_job(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "job");
  if (!body) return problem(request, body.error());
  const auto wanted = wire::read_job(body->json());
  if (!wanted) return problem(request, wanted.error());
  const auto job = service().start_job(admitted(request).principal, wanted->kind, wanted->arguments);
  if (!job) return problem(request, job.error());
  HttpResponse response = json_response(202, write_job(*job, request));
  response.headers.push_back({"Location", "/v1/jobs/" + job->id});
  return response;
}

HttpResponse Api::Impl::get_job(const HttpRequest& request, const Parameters& path) {
  const auto job = service().job(admitted(request).principal, path["id"]);
  if (!job) return problem(request, job.error());
  return json_response(200, write_job(*job, request));
}

HttpResponse Api::Impl::cancel_job(const HttpRequest& request, const Parameters& path) {
  if (auto done = service().cancel_job(admitted(request).principal, path["id"]); !done)
    return problem(request, done.error());
  return no_content();
}

// ---- rights ----

namespace {

Json write_session(const Principal& principal) {
  Json scopes = Json::array();
  for (const std::string_view name : principal.scopes.names()) scopes.push_back(name);
  return {{"name", principal.name}, {"scopes", scopes}, {"groups", principal.groups}};
}

}  // namespace

HttpResponse Api::Impl::who_am_i(const HttpRequest& request, const Parameters&) {
  return json_response(200, write_session(admitted(request).principal));
}

HttpResponse Api::Impl::sign_in(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "session");
  if (!body) return problem(request, body.error());
  const auto key = wire::read_key(body->json());
  if (!key) return problem(request, key.error());
  const auto users = access_.store().any_users();
  if (!users) return problem(request, users.error());
  if (!*users) return json_response(200, write_session(local_owner()));
  const auto principal = access_.store().authenticate(*key);
  if (!principal) return problem(request, principal.error());
  if (!*principal) {
    const auto refused =
        refuse(request, nullptr, Problem{401, "unauthorized", "this key is not valid", ""}, "/v1/session");
    return *refused;
  }
  if (auto written = audit(request, **principal, "POST /v1/session", {}, 200); !written)
    return problem(request, written.error());
  HttpResponse response = json_response(200, write_session(**principal));
  response.headers.push_back({"Set-Cookie", sessions_.begin((*principal)->key_id)});
  return response;
}

HttpResponse Api::Impl::sign_out(const HttpRequest& request, const Parameters&) {
  HttpResponse response = no_content();
  response.headers.push_back({"Set-Cookie", sessions_.end(request)});
  return response;
}

HttpResponse Api::Impl::user_response(const HttpRequest& request, int status, std::string_view name) {
  const auto users = access_.store().list_users();
  if (!users) return problem(request, users.error());
  const auto found = std::ranges::find(*users, name, &User::name);
  if (found == users->end())
    return problem(request, Error{ErrorCode::kNotFound, fmt::format("no user is called '{}'", name), ""});
  return json_response(status, {{"name", found->name}, {"groups", found->groups}, {"disabled", found->disabled}});
}

HttpResponse Api::Impl::list_users(const HttpRequest& request, const Parameters&) {
  const auto users = access_.store().list_users();
  if (!users) return problem(request, users.error());
  Json list = Json::array();
  for (const User& user : *users)
    list.push_back({{"name", user.name}, {"groups", user.groups}, {"disabled", user.disabled}});
  return json_response(200, {{"users", list}});
}

HttpResponse Api::Impl::add_user(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "user");
  if (!body) return problem(request, body.error());
  const auto user = wire::read_user(body->json(), true);
  if (!user) return problem(request, user.error());
  const auto actor = Actor::of(admitted(request).principal, request.id, 201);
  if (auto made = access_.changes().create_user(actor, user->name, user->groups); !made) {
    Problem why = problem_of(made.error());
    const auto users = access_.store().list_users();
    const bool is_taken = users && std::ranges::find(*users, user->name, &User::name) != users->end();
    if (why.status == 400 && is_taken) {
      why.status = 409;
      why.code = "exists";
    }
    return problem(request, why);
  }
  return user_response(request, 201, user->name);
}

HttpResponse Api::Impl::set_groups(const HttpRequest& request, const Parameters& path) {
  const auto body = Body::read(request, "user");
  if (!body) return problem(request, body.error());
  const auto user = wire::read_user(body->json(), false);
  if (!user) return problem(request, user.error());
  const auto actor = Actor::of(admitted(request).principal, request.id, 200);
  if (auto done = access_.changes().set_groups(actor, path["name"], user->groups); !done)
    return problem(request, done.error());
  return user_response(request, 200, path["name"]);
}

HttpResponse Api::Impl::remove_user(const HttpRequest& request, const Parameters& path) {
  const auto actor = Actor::of(admitted(request).principal, request.id, 204);
  if (auto done = access_.changes().remove_user(actor, path["name"]); !done) return problem(request, done.error());
  return no_content();
}

HttpResponse Api::Impl::list_keys(const HttpRequest& request, const Parameters&) {
  const auto keys = access_.store().list_keys();
  if (!keys) return problem(request, keys.error());
  Json list = Json::array();
  for (const ApiKey& key : *keys) {
    Json scopes = Json::array();
    for (const std::string_view name : key.scopes.names()) scopes.push_back(name);
    list.push_back({{"id", key.id},
                    {"user", key.user},
                    {"scopes", scopes},
                    {"note", key.note},
                    {"created", utc_text(key.created)},
                    {"expires", key.expires ? Json(utc_text(*key.expires)) : Json()},
                    {"last_used", key.last_used ? Json(utc_text(*key.last_used)) : Json()},
                    {"revoked", key.revoked}});
  }
  return json_response(200, {{"keys", list}});
}

HttpResponse Api::Impl::make_key(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "key");
  if (!body) return problem(request, body.error());
  const auto wanted = wire::read_new_key(body->json());
  if (!wanted) return problem(request, wanted.error());
  const auto scopes = parse_scopes(wanted->scopes);
  if (!scopes) return problem(request, scopes.error());
  std::optional<std::chrono::seconds> lifetime;
  if (wanted->expires_days) lifetime = std::chrono::days(*wanted->expires_days);
  const auto actor = Actor::of(admitted(request).principal, request.id, 201);
  const auto made = access_.changes().create_key(actor, wanted->user, *scopes, lifetime, wanted->note);
  if (!made) return problem(request, made.error());
  return json_response(201, {{"id", made->key.id}, {"key", made->token}});
}

HttpResponse Api::Impl::revoke_key(const HttpRequest& request, const Parameters& path) {
  const auto actor = Actor::of(admitted(request).principal, request.id, 204);
  if (auto done = access_.changes().revoke_key(actor, path["id"]); !done) return problem(request, done.error());
  sessions_.end_all(path["id"]);
  return no_content();
}

HttpResponse Api::Impl::audit_lines(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"last"}); !known) return problem(request, known.error());
  const auto last = number_of(request, "last", 100, 1, 1000);
  if (!last) return problem(request, last.error());
  const std::string head = access_.log().head();
  const auto lines = last_audit_lines_of(workspace_, *last);
  if (!lines) return problem(request, lines.error());
  Json list = Json::array();
  for (const std::string& line : *lines) {
    Json parsed = Json::parse(line, nullptr, false);
    if (parsed.is_object()) list.push_back(std::move(parsed));
  }
  return json_response(200, {{"lines", list}, {"head", head}});
}

// ---- health and description ----

HttpResponse Api::Impl::health(const HttpRequest&, const Parameters&) {
  return text_response(200, "text/plain; charset=utf-8", "ok\n");
}

HttpResponse Api::Impl::readiness(const HttpRequest& request, const Parameters&) {
  Service* const service = service_;
  if (service == nullptr)
    return problem(request, Problem{503, "starting", "the model is being loaded", "ask again", 2});
  if (auto ready = service->ready(); !ready) {
    Problem why = problem_of(ready.error());
    why.status = 503;
    why.retry_after_s = 5;
    return problem(request, why);
  }
  return text_response(200, "text/plain; charset=utf-8", "ready\n");
}

HttpResponse Api::Impl::metrics(const HttpRequest&, const Parameters&) {
  if (Service* const service = service_; service != nullptr) {
    if (const auto counts = service->counts(local_owner())) {
      metrics_.set_items("live", counts->items);
      metrics_.set_items("pending", counts->pending);
      metrics_.set_index_bytes(counts->code_bytes);
    }
    metrics_.set_encoder_queue(service->encoder_queue_length());
    const CodeSpace& space = service->space();
    metrics_.set_code_space(space.name, space.bits, space.generation);
  }
  if (load_) {
    const HttpServerLoad load = load_();
    metrics_.set_load(load.connections, load.waiting, load.running);
  }
  return text_response(200, "text/plain; version=0.0.4; charset=utf-8", metrics_.prometheus_text());
}

HttpResponse Api::Impl::openapi(const HttpRequest&, const Parameters&) {
  return text_response(200, "application/json", std::string(openapi_document()));
}

HttpResponse Api::Impl::docs(const HttpRequest&, const Parameters&) {
  static const std::string page = docs_page(openapi_document());
  return text_response(200, "text/html; charset=utf-8", page);
}

HttpResponse Api::Impl::front(const HttpRequest&, const Parameters&) {
  return HttpResponse{302, {{"Location", "/docs"}}, {}};
}

void Api::Impl::add_routes() {
  add("POST", "/v1/search", "search", &Impl::search);
  add("GET", "/v1/search", "search", &Impl::search_by_words);
  add("GET", "/v1/suggest", "search", &Impl::suggest);
  add("GET", "/v1/labels", "search", &Impl::label_columns);
  add("GET", "/v1/labels/{column}", "search", &Impl::label_values);
  add("POST", "/v1/encode", "search", &Impl::encode);
  add("GET", "/v1/items", "read", &Impl::list_items);
  add("GET", "/v1/items/{id}", "read", &Impl::get_item);
  add("PUT", "/v1/items/{id}", "write", &Impl::put_item);
  add("DELETE", "/v1/items/{id}", "write", &Impl::delete_item);
  add("POST", "/v1/items:batch", "write", &Impl::put_items);
  add("GET", "/v1/items/{id}/thumbnail", "read", &Impl::thumbnail);
  add("GET", "/v1/count", "read", &Impl::count);
  add("GET", "/v1/spaces", "read", &Impl::spaces);
  add("GET", "/v1/status", "read", &Impl::status);
  add("GET", "/v1/latency", "admin", &Impl::latency);
  add("GET", "/v1/jobs", "admin", &Impl::list_jobs);
  add("POST", "/v1/jobs", "admin", &Impl::start_job);
  add("GET", "/v1/jobs/{id}", "admin", &Impl::get_job);
  add("DELETE", "/v1/jobs/{id}", "admin", &Impl::cancel_job);
  add("GET", "/v1/session", "any", &Impl::who_am_i);
  add("POST", "/v1/session", "none", &Impl::sign_in);
  add("DELETE", "/v1/session", "none", &Impl::sign_out);
  add("GET", "/v1/users", "admin", &Impl::list_users);
  add("POST", "/v1/users", "admin", &Impl::add_user);
  add("PUT", "/v1/users/{name}", "admin", &Impl::set_groups);
  add("DELETE", "/v1/users/{name}", "admin", &Impl::remove_user);
  add("GET", "/v1/keys", "admin", &Impl::list_keys);
  add("POST", "/v1/keys", "admin", &Impl::make_key);
  add("DELETE", "/v1/keys/{id}", "admin", &Impl::revoke_key);
  add("GET", "/v1/audit", "admin", &Impl::audit_lines);
  add("GET", "/healthz", "none", &Impl::health, true);
  add("GET", "/readyz", "none", &Impl::readiness, true);
  add("GET", "/metrics", "admin", &Impl::metrics, true);
  add("GET", "/openapi.json", "none", &Impl::openapi, true);
  add("GET", "/docs", "none", &Impl::docs, true);
  add("GET", "/", "none", &Impl::front, true);
}

// ---- the door ----

Api::Api(Access& access, std::filesystem::path workspace, ApiOptions options)
    : impl_(std::make_unique<Impl>(access, std::move(workspace), std::move(options))) {}
Api::~Api() = default;
void Api::set_service(Service& service) { impl_->set_service(service); }
std::optional<HttpResponse> Api::admit(HttpRequest& request) { return impl_->admit(request); }
HttpResponse Api::handle(const HttpRequest& request) { return impl_->handle(request); }
void Api::observe(const HttpRequest& request, const HttpResponse& response, double seconds) {
  impl_->observe(request, response, seconds);
}
bool Api::is_fast(const HttpRequest& request) const { return impl_->is_fast(request); }
void Api::watch_load(std::function<HttpServerLoad()> load) { impl_->load_ = std::move(load); }
ServiceMetrics& Api::metrics() { return impl_->metrics_; }

}  // namespace warifu
