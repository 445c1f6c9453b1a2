#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "server/http_message.h"

// Failures as application/problem+json (RFC 9457), one form for all of them:
//   {"type": "urn:warifu:problem:not_found", "title": "Not Found", "status": 404, "detail": "no item has the id 'a'",
//    "instance": "<request id>", "code": "not_found", "hint": "GET /v1/items lists them"}
// `code` is what programs branch on, `detail` and `hint` are for people. `hint` is left out if empty.
namespace warifu {

// A failure of HTTP itself, which no ErrorCode has a name for: 405, 413, 429 and the like.
struct Problem {
  int status = 500;
  std::string code;  // lower_case words
  std::string detail;
  std::string hint;
  int retry_after_s = 0;  // > 0: header Retry-After
};

// What the bytes of a kBadFormat are. 400: the request itself (JSON, multipart) does not follow its format; 422: it
// does, but what it carries, such as a picture, cannot be decoded.
enum class BadFormatIs { kRequest, kContent };

// kInvalidArgument 400, kBadFormat 400 or 422, kPermissionDenied 403, kNotFound 404, kIncompatible 409, kInternal 500,
// kUnavailable 503 with Retry-After, kIo 500, or 507 if the disk is full. The details of kInternal and kIo name files
// of the server and stay in its log: the client gets the request id to ask with.
Problem problem_of(const Error& error, BadFormatIs bad_format = BadFormatIs::kRequest);

HttpResponse problem_response(const Problem& problem, std::string_view request_id);
HttpResponse problem_response(const Error& error, std::string_view request_id,
                              BadFormatIs bad_format = BadFormatIs::kRequest);

}  // namespace warifu
