#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>

#include "server/http_message.h"
#include "server/problem.h"

namespace warifu {

struct RequestLimits {
  std::size_t header_bytes = std::size_t{16} << 10;  // request line and headers: 431
  std::size_t target_bytes = std::size_t{8} << 10;   // 414
  std::size_t body_bytes = std::size_t{32} << 20;    // 413
};

// Reads one HTTP/1.0 or 1.1 request out of bytes as they arrive, with Content-Length or chunked body. It is strict
// where leniency lets two readers of the same bytes disagree: both lengths given, another transfer encoding than
// chunked, no or several Host headers, a blank before a colon are all refused. Trailers of a chunked body are read and
// dropped.
class RequestParser {
 public:
  explicit RequestParser(const RequestLimits& limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  enum class Stage { kHead, kBody, kComplete };  // what is being read
  struct Fed {
    std::size_t consumed = 0;  // from the front of `bytes`; the rest must be given again, with more behind it
    Stage stage = Stage::kHead;
  };
  // Stops behind the head, so that the caller may look at it before a body is read. A Problem ends the connection;
  // feed() must not be called again. If nothing is consumed and more than header_bytes are there, the caller must give
  // up: the request is malformed (this happens to chunk headers without an end only).
  std::expected<Fed, Problem> feed(std::string_view bytes);

  // Whole but for the body when the stage is kBody; its id, peer, tls and context are for the caller to fill.
  HttpRequest& request();
  // From the stage kBody on:
  bool keep_alive() const;  // by version and Connection header
  bool is_http_1_0() const;
  bool expects_continue() const;                     // "Expect: 100-continue", and the client reads such answers
  std::optional<std::uint64_t> body_length() const;  // announced; nothing: chunked
  std::size_t body_received() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace warifu
