#pragma once

#include <any>
#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/api.h"
#include "server/request_body.h"

// Inside server/: the table of routes and what they share. Each group of routes is a file: search_routes.cc,
// item_routes.cc, service_routes.cc, rights_routes.cc, page_routes.cc.
namespace warifu {

// What admit() found out about a request.
struct Admitted {
  const HttpRoute* route = nullptr;
  PathParameters parameters;
  Principal principal;
  RateLimiter::Admission place;
  mutable std::vector<std::string> changed_items;  // for the audit line: ids that stand in the body
};

inline const Admitted& admitted(const HttpRequest& request) { return std::any_cast<const Admitted&>(request.context); }

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

  void set_service(Service& service);

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
  HttpResponse judge(const HttpRequest& request, const Parameters&);
  HttpResponse feedback(const HttpRequest& request, const Parameters&);
  HttpResponse encode(const HttpRequest& request, const Parameters&);
  HttpResponse explain(const HttpRequest& request, const Parameters&);
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
  HttpResponse evaluations(const HttpRequest& request, const Parameters&);
  HttpResponse collection(const HttpRequest& request, const Parameters&);
  HttpResponse rejections(const HttpRequest& request, const Parameters&);
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
  HttpResponse page(const HttpRequest& request, const Parameters&);
  HttpResponse page_file(const HttpRequest& request, const Parameters& path);

  HttpResponse user_response(const HttpRequest& request, int status, std::string_view name);
  wire::Json write_job(const Job& job, const HttpRequest& request) const;

  Access& access_;
  std::filesystem::path workspace_;
  ApiOptions options_;
  Sessions sessions_;
  RateLimiter limiter_;
  Router router_;
  std::atomic<Service*> service_ = nullptr;
};

}  // namespace warifu
