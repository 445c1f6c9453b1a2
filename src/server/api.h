#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "engine/access.h"
#include "engine/service.h"
#include "server/http_message.h"
#include "server/http_server.h"
#include "server/metrics.h"
#include "server/rate_limit.h"
#include "server/router.h"
#include "server/sessions.h"

namespace warifu {

struct ApiOptions {
  std::string version;
  bool tls = false;
  RateLimitOptions rate;
};

// The HTTP interface of openapi.json: who asks, whether he may, and one function a route that turns JSON into the
// engine's types and back. No decisions of its own beyond that: rights over items are the service's.
//
// Every request of a principal under /v1 leaves a line in the audit log before it is answered: what cannot be written
// down is answered by 503.
//
// Thread safety: admit(), handle() and observe() from any thread at once.
class Api {
 public:
  // All of them outlive it. `service` may be null until set_service(): everything but health waits with 503.
  Api(Access& access, std::filesystem::path workspace, ApiOptions options);
  ~Api();

  // From then on requests are answered.
  void set_service(Service& service);

  std::optional<HttpResponse> admit(HttpRequest& request);
  HttpResponse handle(const HttpRequest& request);
  void observe(const HttpRequest& request, const HttpResponse& response, double seconds);
  bool is_fast(const HttpRequest& request) const;

  // What the metrics say of the server itself, asked when they are.
  void watch_load(std::function<HttpServerLoad()> load);
  ServiceMetrics& metrics();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace warifu
