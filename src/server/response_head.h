#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "server/http_message.h"

namespace warifu {

// What the server knows of an answer and its route does not.
struct ResponseFrame {
  std::string_view request_id;
  bool keep_alive = true;
  bool http_1_0 = false;  // of the request: whether keep-alive must be said
  std::time_t now = 0;
};

// Status line and headers up to the empty line. Adds Date, Content-Length (of the body, also where HEAD leaves it out),
// Connection, X-Request-Id, and where the route did not say otherwise: X-Content-Type-Options nosniff, Cache-Control
// no-store, Content-Security-Policy that loads nothing, Referrer-Policy no-referrer, X-Frame-Options DENY and
// Cross-Origin-Resource-Policy same-origin. Control characters in values, which could begin another header, become
// blanks.
std::string response_head(const HttpResponse& response, const ResponseFrame& frame);

// 204 and 304 have no body and no length.
bool has_body(int status);

}  // namespace warifu
