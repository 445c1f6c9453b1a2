#pragma once

#include <any>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

// What a route reads and answers. No library's type is in here, so that routes compile in seconds.
namespace warifu {

struct HttpHeader {
  std::string name;  // as it was sent; compare without case
  std::string value;
};

// Equal but for the case of ASCII letters, as names of headers are compared.
bool equals_ignoring_case(std::string_view a, std::string_view b);

// The first header of that name; nothing if there is none.
std::optional<std::string_view> find_header(const std::vector<HttpHeader>& headers, std::string_view name);

// The part of a request's target that routes look at, decoded.
struct Target {
  // "/v1/items/a%2Fb" is {"v1", "items", "a/b"}, "/" is {}. "/v1/items/" ends in an empty segment.
  std::vector<std::string> path;
  std::vector<std::pair<std::string, std::string>> query;  // in order; "+" is a blank
  std::string authority;                                   // of "GET http://host/path"; else empty
};

// kBadFormat: no path, a "%" without two hex digits, a zero byte or text that is not UTF-8 after decoding, a segment
// "." or "..", or more than 64 query parameters.
Result<Target> parse_target(std::string_view target);

// One segment as it is written into a path: everything but letters, digits and -._~ as %XX.
std::string percent_encode(std::string_view segment);

// A request that was read whole. Thread safety: one thread at a time; the server hands it from its own thread to a
// worker.
struct HttpRequest {
  std::string method;  // "GET": as it was sent
  std::string target;  // as it was sent, "/v1/items/a%2Fb?w=200"
  std::vector<std::string> path;
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<HttpHeader> headers;  // in order
  std::string body;
  std::string host;  // of the Host header or the target, with its port
  std::string peer;  // the client's address, "127.0.0.1"
  std::string id;    // X-Request-Id: the client's if it is well-formed, else made here
  bool tls = false;
  // What HttpHandlers::admit found out and the handler wants to know (who asks, which route); dropped when the answer
  // has been written, so that it may also hold a place in a limit.
  std::any context;

  std::optional<std::string_view> header(std::string_view name) const { return find_header(headers, name); }
  std::optional<std::string_view> query_value(std::string_view name) const;  // the first of that name
  // Of "Authorization: Bearer TOKEN"; nothing if there is none or another scheme.
  std::optional<std::string_view> bearer_token() const;
  std::optional<std::string_view> cookie(std::string_view name) const;
};

// Content-Length, Date, Connection, X-Request-Id and the security headers are added by the server; the last ones only
// where the handler did not set them itself.
struct HttpResponse {
  int status = 200;
  std::vector<HttpHeader> headers;
  std::string body;
};

HttpResponse text_response(int status, std::string_view content_type, std::string body);

// "Not Found" for 404; "Unknown" for a status without a name here.
std::string_view status_text(int status);

// 1 to 128 of A-Z a-z 0-9 . _ -
bool is_request_id(std::string_view text);

}  // namespace warifu
