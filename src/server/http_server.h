#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "server/http_message.h"
#include "server/request_parser.h"

// HTTP/1.0 and 1.1 over TCP or TLS. One or two threads do the sockets of all connections and never block; workers run
// the routes and may. Everything a stranger can ask for more of is bounded: connections, waiting requests, bytes of
// bodies in memory, time for each step. Why Boost.Beast: docs/decisions/http-server.md.
namespace warifu {

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6
  std::uint16_t port = 8080;          // 0: any free one
  // Both or none: PEM files of the certificate chain and its key. TLS 1.2 and 1.3.
  std::filesystem::path certificate = {};
  std::filesystem::path key = {};
  // Names and addresses, without port, that the Host header may say; others get 421. Empty: any. A server on the
  // loopback device that asks nobody who they are must set loopback_hosts(): else a page from anywhere reaches it
  // through the visitor's browser, by a name that its owner lets point to 127.0.0.1 (DNS rebinding).
  std::vector<std::string> allowed_hosts = {};

  std::size_t io_threads = 1;
  std::size_t workers = 8;
  std::size_t max_waiting = 256;      // requests that no worker is free for; beyond: 503
  std::size_t max_connections = 512;  // beyond: the one that idles longest is closed, or if none does, 503
  RequestLimits limits = {};
  std::size_t max_body_bytes_in_flight = std::size_t{256} << 20;  // of all requests together; beyond: 503

  // Each ends in 408 if a part of a request has come, else in silence.
  std::chrono::milliseconds header_timeout{10'000};          // from the first byte of a request to the end of its head
  std::chrono::milliseconds body_timeout{30'000};            // for the body, and ...
  std::chrono::milliseconds idle_timeout{60'000};            // between requests
  std::chrono::milliseconds write_timeout{30'000};           // for the answer, and ...
  std::size_t min_bytes_per_second = std::size_t{16} << 10;  // ... one more second for each of these
  std::chrono::milliseconds drain_timeout{10'000};           // stop(): for requests in flight
};

struct HttpHandlers {
  // On a worker; may block. An exception is answered by 500.
  std::function<HttpResponse(const HttpRequest&)> handle = {};
  // On the io thread, before the body is read (it is empty): an answer refuses the request, and a stranger's 32 MiB are
  // never read. May set request.context. Must not block. Optional.
  std::function<std::optional<HttpResponse>(HttpRequest&)> admit = {};
  // Requests that are answered on the io thread even if all workers are busy: health and metrics. Optional.
  std::function<bool(const HttpRequest&)> is_fast = {};
  // After the answer was written (or could not be): for the log and the metrics. `seconds` from the end of the head to
  // here. Of a request whose head could not be read everything but id and peer is empty. On the io thread; optional.
  std::function<void(const HttpRequest&, const HttpResponse&, double seconds)> observe = {};
};

struct HttpServerLoad {
  std::size_t connections = 0;
  std::size_t waiting = 0;  // requests without a worker
  std::size_t running = 0;  // requests with one
  std::size_t body_bytes = 0;
};

// Thread safety: load() any; stop() any but the server's own threads.
class HttpServer {
 public:
  virtual ~HttpServer() = default;  // stops
  virtual std::uint16_t port() const = 0;
  virtual std::string url() const = 0;  // "http://127.0.0.1:8080"
  virtual HttpServerLoad load() const = 0;
  // Takes no more connections, closes the idle ones, lets requests in flight finish for up to drain_timeout, then
  // closes theirs too and waits for the handlers that still run. Once; later calls do nothing.
  virtual void stop() = 0;
};

// Answers from the return on. kInvalidArgument: address, one of certificate and key without the other, no handler;
// kPermissionDenied, kUnavailable or kIo: the port; kNotFound or kBadFormat: certificate and key.
Result<std::unique_ptr<HttpServer>> start_http_server(HttpServerOptions options, HttpHandlers handlers);

// localhost, 127.0.0.1, [::1] and the address itself.
std::vector<std::string> loopback_hosts(std::string_view address);

// Whether `host`, as in a Host header with or without port, is one of `allowed`. Case does not count.
bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed);

}  // namespace warifu
