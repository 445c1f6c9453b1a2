#include "server/problem.h"

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace warifu {
namespace {

bool is_full_disk(const Error& error) {
  return error.message.find(std::strerror(ENOSPC)) != std::string::npos ||
         error.message.find(std::strerror(EDQUOT)) != std::string::npos ||
         error.message.find("disk is full") != std::string::npos;
}

}  // namespace

Problem problem_of(const Error& error, BadFormatIs bad_format) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return {400, "invalid_argument", error.message, error.hint};
    case ErrorCode::kBadFormat:
      return {bad_format == BadFormatIs::kRequest ? 400 : 422, "bad_format", error.message, error.hint};
    case ErrorCode::kPermissionDenied:
      return {403, "permission_denied", error.message, error.hint};
    case ErrorCode::kNotFound:
      return {404, "not_found", error.message, error.hint};
    case ErrorCode::kIncompatible:
      return {409, "incompatible", error.message, error.hint};
    case ErrorCode::kUnavailable:
      return {503, "unavailable", error.message, error.hint, 1};
    case ErrorCode::kIo:
      if (is_full_disk(error))
        return {507, "storage_full", "the server's disk is full", "tell who runs the server, with the request id"};
      return {500, "io", "the server could not read or write its files",
              "tell who runs the server, with the request id"};
    case ErrorCode::kInternal:
      break;
  }
  return {500, "internal", "something went wrong inside the server", "tell who runs the server, with the request id"};
}

HttpResponse problem_response(const Problem& problem, std::string_view request_id) {
  nlohmann::ordered_json body = {{"type", "urn:warifu:problem:" + problem.code},
                                 {"title", status_text(problem.status)},
                                 {"status", problem.status},
                                 {"detail", problem.detail},
                                 {"instance", request_id},
                                 {"code", problem.code}};
  if (!problem.hint.empty()) body["hint"] = problem.hint;
  HttpResponse response =
      text_response(problem.status, "application/problem+json",
                    body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  if (problem.retry_after_s > 0) response.headers.push_back({"Retry-After", std::to_string(problem.retry_after_s)});
  return response;
}

HttpResponse problem_response(const Error& error, std::string_view request_id, BadFormatIs bad_format) {
  return problem_response(problem_of(error, bad_format), request_id);
}

}  // namespace warifu
