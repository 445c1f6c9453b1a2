#include "server/request_parser.h"

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace warifu {
namespace {

namespace http = boost::beast::http;

Problem malformed(std::string detail) {
  return {400, "bad_request", "this is not an HTTP request: " + std::move(detail), {}};
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct RequestParser::State {
  explicit State(const RequestLimits& given) : limits(given) {
    parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    parser.body_limit(limits.body_bytes);
    parser.eager(false);  // put() stops behind the head
  }

  RequestLimits limits;
  http::request_parser<http::string_body> parser;
  HttpRequest request;
  bool saw_line = false;
  bool saw_head = false;
  int blank_lines = 0;

  Problem problem_for(const boost::system::error_code& error) const {
    if (error == http::error::header_limit) {
      if (!saw_line)
        return {414, "uri_too_long", "the address has more than " + std::to_string(limits.target_bytes) + " bytes", {}};
      return {431, "headers_too_large",
              "request line and headers have more than " + std::to_string(limits.header_bytes) + " bytes",
              "send fewer cookies and headers"};
    }
    if (error == http::error::body_limit) return body_too_large();
    if (error == http::error::bad_version)
      return {505, "http_version", "only HTTP/1.0 and HTTP/1.1 are spoken here", {}};
    return malformed(error.message());
  }

  Problem body_too_large() const {
    return {413, "payload_too_large",
            "the body has more than the " + std::to_string(limits.body_bytes >> 20) + " MiB that are taken",
            "send a smaller picture, or fewer items at once"};
  }

  // What the head says, checked. Headers are copied, so that trailers cannot change them later.
  std::expected<void, Problem> take_head() {
    const auto& message = parser.get();
    if (message.version() != 10 && message.version() != 11)
      return std::unexpected(Problem{505, "http_version", "only HTTP/1.0 and HTTP/1.1 are spoken here", {}});
    request.method = message.method_string();
    request.target = message.target();
    if (request.target.size() > limits.target_bytes)
      return std::unexpected(Problem{
          414, "uri_too_long", "the address has more than " + std::to_string(limits.target_bytes) + " bytes", {}});
    int hosts = 0;
    for (const auto& field : message) {
      request.headers.push_back({std::string(view(field.name_string())), std::string(view(field.value()))});
      if (field.name() == http::field::host) {
        ++hosts;
        request.host = view(field.value());
      }
      if (field.name() != http::field::transfer_encoding) continue;
      if (!equals_ignoring_case(view(field.value()), "chunked"))
        return std::unexpected(
            Problem{501, "transfer_encoding", "of transfer encodings only chunked is understood", {}});
      if (message.version() == 10) return std::unexpected(malformed("HTTP/1.0 has no chunked bodies"));
    }
    if (hosts > 1 || (hosts == 0 && message.version() == 11))
      return std::unexpected(malformed(hosts > 1 ? "several Host headers" : "no Host header"));
    auto target = parse_target(request.target);
    if (!target)
      return std::unexpected(
          Problem{400, "bad_address", std::move(target.error().message), std::move(target.error().hint)});
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    if (!target->authority.empty()) request.host = std::move(target->authority);
    const auto expect = request.header("Expect");
    if (expect && !equals_ignoring_case(*expect, "100-continue"))
      return std::unexpected(Problem{417, "expectation_failed", "of expectations only 100-continue is understood", {}});
    return {};
  }
};

RequestParser::RequestParser(const RequestLimits& limits) : state_(std::make_unique<State>(limits)) {}
RequestParser::~RequestParser() = default;

std::expected<RequestParser::Fed, Problem> RequestParser::feed(std::string_view bytes) {
  State& state = *state_;
  Fed fed;
  // Old clients send an empty line behind a body (RFC 9112, 2.2).
  while (!state.saw_head && state.blank_lines < 4 && bytes.substr(fed.consumed).starts_with("\r\n")) {
    fed.consumed += 2;
    ++state.blank_lines;
  }
  std::string_view rest = bytes.substr(fed.consumed);
  if (!state.saw_head && !rest.empty()) {
    // What cannot become a request is answered now and not when the time for its end is over: a TLS greeting, say.
    const std::string_view method = rest.substr(0, std::min(rest.find(' '), std::size_t{32}));
    if (!std::ranges::all_of(method, [](char c) { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; }) &&
        rest != "\r")
      return std::unexpected(malformed("it does not begin with a method such as GET"));
  }
  for (;;) {
    if (state.parser.is_done()) {
      fed.stage = Stage::kComplete;
      break;
    }
    fed.stage = state.saw_head ? Stage::kBody : Stage::kHead;
    if (rest.empty()) break;
    boost::system::error_code error;
    const std::size_t taken = state.parser.put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    rest.remove_prefix(taken);
    fed.consumed += taken;
    state.saw_line = state.saw_line || taken > 0;
    if (error == http::error::need_more) break;
    if (error) return std::unexpected(state.problem_for(error));
    if (!state.saw_head && state.parser.is_header_done()) {
      state.saw_head = true;
      state.parser.eager(true);
      if (auto head = state.take_head(); !head) return std::unexpected(std::move(head.error()));
      fed.stage = state.parser.is_done() ? Stage::kComplete : Stage::kBody;
      break;
    }
    if (taken == 0) break;
  }
  if (fed.stage == Stage::kComplete && state.saw_head) state.request.body = std::move(state.parser.get().body());
  return fed;
}

HttpRequest& RequestParser::request() { return state_->request; }

bool RequestParser::keep_alive() const { return state_->parser.get().keep_alive(); }

bool RequestParser::is_http_1_0() const { return state_->parser.get().version() == 10; }

bool RequestParser::expects_continue() const {
  return state_->parser.get().version() == 11 && state_->request.header("Expect").has_value();
}

std::optional<std::uint64_t> RequestParser::body_length() const {
  if (state_->parser.chunked()) return std::nullopt;
  const auto length = state_->parser.content_length();
  return length ? std::uint64_t{*length} : 0;
}

std::size_t RequestParser::body_received() const { return state_->parser.get().body().size(); }

}  // namespace warifu
