#include "server/serve.h"

#include <arpa/inet.h>

#include <chrono>
#include <memory>
#include <thread>

#include "base/file.h"
#include "engine/access.h"
#include "server/api.h"
#include "server/http_server.h"

namespace warifu {
namespace {

constexpr std::size_t kMultipartExtra = std::size_t{1} << 20;  // of a body, beside the picture in it

bool is_loopback(const std::string& address) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, address.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return false;
}

// The file that says where the server is, as long as it is there.
class Announcement {
 public:
  static Result<Announcement> write(std::filesystem::path file, const std::string& url) {
    if (auto written = write_file_atomically(file, url + "\n"); !written) return std::unexpected(written.error());
    return Announcement(std::move(file));
  }
  Announcement(Announcement&& other) noexcept : file_(std::exchange(other.file_, {})) {}
  Announcement& operator=(Announcement&&) = delete;
  ~Announcement() {
    std::error_code failure;
    if (!file_.empty()) std::filesystem::remove(file_, failure);
  }

 private:
  explicit Announcement(std::filesystem::path file) : file_(std::move(file)) {}
  std::filesystem::path file_;
};

}  // namespace

Result<void> serve(const ServeOptions& options, ProgressSink& progress,
                   const std::function<void(const std::string& url)>& ready) {
  auto access = Access::open(options.workspace);
  if (!access) return std::unexpected(access.error());
  const auto users = access->store().any_users();
  if (!users) return std::unexpected(users.error());
  if (!*users && !is_loopback(options.bind))
    return fail(
        ErrorCode::kPermissionDenied,
        "there are no users, and " + options.bind + " is reached from other machines: everybody could do everything",
        "add a user ('warifu users add NAME') and a key ('warifu keys create --user NAME --scopes search,read'), "
        "or serve on 127.0.0.1");
  const bool tls = !options.certificate.empty();
  if (*users && !tls && !is_loopback(options.bind))
    progress.note(
        "keys and pictures cross the network in the clear: give --tls-certificate and --tls-key, or put a "
        "proxy with TLS in front");

  Api api(*access, options.workspace, {.version = options.version, .tls = tls, .rate = options.rate});
  HttpServerOptions http;
  http.address = options.bind;
  http.port = options.port;
  http.certificate = options.certificate;
  http.key = options.key;
  http.workers = options.workers;
  http.max_waiting = options.max_waiting;
  http.limits.body_bytes = options.max_upload_bytes + kMultipartExtra;
  if (!*users) http.allowed_hosts = loopback_hosts(options.bind);
  HttpHandlers handlers;
  handlers.admit = [&](HttpRequest& request) { return api.admit(request); };
  handlers.handle = [&](const HttpRequest& request) { return api.handle(request); };
  handlers.is_fast = [&](const HttpRequest& request) { return api.is_fast(request); };
  handlers.observe = [&](const HttpRequest& request, const HttpResponse& response, double seconds) {
    api.observe(request, response, seconds);
  };
  // First the door, so that /healthz answers while the model is loaded; then what is behind it.
  std::unique_ptr<Service> service;
  auto server = start_http_server(std::move(http), std::move(handlers));
  if (!server) return std::unexpected(server.error());
  api.watch_load([raw = server->get()] { return raw->load(); });
  ServiceOptions wanted = options.service;
  wanted.max_picture_bytes = options.max_upload_bytes;
  auto opened = Service::open(options.workspace, wanted, progress);
  if (!opened) return std::unexpected(opened.error());
  service = std::move(*opened);
  api.set_service(*service);
  const auto announced = Announcement::write(options.workspace / kServerFile, (*server)->url());
  if (!announced) return std::unexpected(announced.error());
  ready((*server)->url());
  while (!progress.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  (*server)->stop();
  server->reset();
  service.reset();
  return access->log().sync();
}

}  // namespace warifu
