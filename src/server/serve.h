#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/progress.h"
#include "engine/service.h"
#include "server/rate_limit.h"

namespace warifu {

struct ServeOptions {
  std::filesystem::path workspace;
  std::string version;
  std::string bind = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any free one
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::size_t workers = 16;
  std::size_t max_waiting = 256;
  std::size_t max_upload_bytes = std::size_t{32} << 20;
  RateLimitOptions rate;
  ServiceOptions service;
};

// Serves a workspace until `progress` asks to stop, then ends gracefully: requests in flight are answered, writes are
// finished, jobs left for the next server. `ready` is told the URL when searches are answered.
//
// A server without users listens on the loopback interface only (kPermissionDenied else). While it runs, its URL stands
// in <workspace>/server.url, for 'warifu search'. Errors of start_http_server and Service::open.
Result<void> serve(const ServeOptions& options, ProgressSink& progress,
                   const std::function<void(const std::string& url)>& ready);

inline constexpr const char* kServerFile = "server.url";  // in the workspace

}  // namespace warifu
