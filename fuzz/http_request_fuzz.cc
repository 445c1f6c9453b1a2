// HTTP requests: the parser gives the same for the bytes at once and in pieces, and keeps its limits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/request_parser.h"

namespace {

struct Outcome {
  int status = 0;  // of the refusal
  bool complete = false;
  std::string method;
  std::string target;
  std::string body;
  std::size_t headers = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome parse(std::string_view bytes, std::size_t step) {
  warifu::RequestParser parser({.header_bytes = 1024, .target_bytes = 256, .body_bytes = 4096});
  Outcome outcome;
  std::size_t given = std::min(step, bytes.size());
  for (;;) {
    const auto fed = parser.feed(bytes.substr(0, given));
    if (!fed) {
      if (fed.error().status < 400 || fed.error().detail.empty()) std::abort();
      outcome.status = fed.error().status;
      return outcome;
    }
    if (fed->consumed > given) std::abort();
    bytes.remove_prefix(fed->consumed);
    given -= fed->consumed;
    if (fed->stage == warifu::RequestParser::Stage::kComplete) break;
    if (fed->consumed > 0 && given > 0) continue;
    if (given == bytes.size()) return outcome;
    given = std::min(given + step, bytes.size());
  }
  const warifu::HttpRequest& request = parser.request();
  if (request.body.size() > 4096 || request.target.size() > 256) std::abort();
  static_cast<void>(parser.keep_alive());
  static_cast<void>(request.cookie("a"));
  return {0, true, request.method, request.target, request.body, request.headers.size()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = parse(bytes, bytes.size() + 1);
  const Outcome pieces = parse(bytes, 7);
  if (whole.complete != pieces.complete) std::abort();
  if (whole.complete && !(whole == pieces)) std::abort();
  return 0;
}
