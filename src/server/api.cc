#include "server/api.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "server/api_impl.h"

namespace warifu {
namespace {

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

// ---- the table of routes ----

void Api::Impl::set_service(Service& service) {
  service.observe_stages([this](Stage stage, double seconds) { metrics_.time_stage(stage_of(stage), seconds); });
  service_ = &service;
}

void Api::Impl::add_routes() {
  add("POST", "/v1/search", "search", &Impl::search);
  add("GET", "/v1/search", "search", &Impl::search_by_words);
  add("GET", "/v1/suggest", "search", &Impl::suggest);
  add("GET", "/v1/labels", "search", &Impl::label_columns);
  add("GET", "/v1/labels/{column}", "search", &Impl::label_values);
  add("POST", "/v1/encode", "search", &Impl::encode);
  add("POST", "/v1/explain", "search", &Impl::explain);
  add("POST", "/v1/feedback", "search", &Impl::judge);
  add("GET", "/v1/feedback", "admin", &Impl::feedback);
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
  add("GET", "/v1/evaluations", "admin", &Impl::evaluations);
  add("GET", "/v1/collection", "admin", &Impl::collection);
  add("GET", "/v1/rejections", "admin", &Impl::rejections);
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
  add("GET", "/", "none", &Impl::page, true);
  add("GET", "/admin", "none", &Impl::page, true);
  add("GET", "/admin/{section}", "none", &Impl::page, true);
  add("GET", "/assets/{file}", "none", &Impl::page_file, true);
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
