#include "server/http_server.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <cstring>
#include <limits>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "server/response_head.h"
#include "server/worker_pool.h"

namespace warifu {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using Strand = asio::strand<asio::io_context::executor_type>;
using boost::system::error_code;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t kReadBytes = std::size_t{64} << 10;  // > RequestLimits::header_bytes
constexpr auto kSweepInterval = std::chrono::milliseconds(100);
constexpr auto kLingerTimeout = std::chrono::milliseconds(1000);
constexpr std::size_t kMaxRefusedConnections = 64;  // that are told so before they are closed

std::string random_id() {
  std::array<unsigned char, 16> bytes{};
  ::randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 33> hex{};
  ::sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  return hex.data();
}

// The socket of a connection, with or without TLS. All calls on the connection's strand; an operation that cancel()
// ended gives an error.
class Transport {
 public:
  struct Moved {
    error_code error;
    std::size_t bytes = 0;
  };
  virtual ~Transport() = default;
  virtual asio::awaitable<error_code> handshake() = 0;
  virtual asio::awaitable<Moved> read_some(char* to, std::size_t capacity) = 0;
  virtual asio::awaitable<error_code> write(std::string_view head, std::string_view body) = 0;
  virtual asio::awaitable<void> say_goodbye() = 0;  // the last bytes were written
  virtual tcp::socket& socket() = 0;
};

std::array<asio::const_buffer, 2> buffers_of(std::string_view head, std::string_view body) {
  return {asio::const_buffer(head.data(), head.size()), asio::const_buffer(body.data(), body.size())};
}

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(tcp::socket socket) : socket_(std::move(socket)) {}
  asio::awaitable<error_code> handshake() override { co_return error_code(); }
  asio::awaitable<Moved> read_some(char* to, std::size_t capacity) override {
    const auto [error, bytes] = co_await socket_.async_read_some(asio::mutable_buffer(to, capacity), kTuple);
    co_return Moved{error, bytes};
  }
  asio::awaitable<error_code> write(std::string_view head, std::string_view body) override {
    const auto buffers = buffers_of(head, body);
    const auto [error, bytes] = co_await asio::async_write(socket_, buffers, kTuple);
    co_return error;
  }
  asio::awaitable<void> say_goodbye() override {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    co_return;
  }
  tcp::socket& socket() override { return socket_; }

 private:
  tcp::socket socket_;
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}
  asio::awaitable<error_code> handshake() override {
    const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kTuple);
    co_return error;
  }
  asio::awaitable<Moved> read_some(char* to, std::size_t capacity) override {
    const auto [error, bytes] = co_await stream_.async_read_some(asio::mutable_buffer(to, capacity), kTuple);
    co_return Moved{error, bytes};
  }
  asio::awaitable<error_code> write(std::string_view head, std::string_view body) override {
    // One record for a short answer, not one for each buffer.
    if (body.size() <= kReadBytes) {
      std::string whole;
      whole.reserve(head.size() + body.size());
      whole.append(head).append(body);
      const auto [error, bytes] =
          co_await asio::async_write(stream_, asio::const_buffer(whole.data(), whole.size()), kTuple);
      co_return error;
    }
    const auto buffers = buffers_of(head, body);
    const auto [error, bytes] = co_await asio::async_write(stream_, buffers, kTuple);
    co_return error;
  }
  asio::awaitable<void> say_goodbye() override {
    static_cast<void>(co_await stream_.async_shutdown(kTuple));
    error_code ignored;
    socket().shutdown(tcp::socket::shutdown_send, ignored);
  }
  tcp::socket& socket() override { return stream_.next_layer(); }

 private:
  asio::ssl::stream<tcp::socket> stream_;
};

class AsioServer;

// One client. Everything but expire_at and the flags runs on its strand.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(AsioServer& server, std::unique_ptr<Transport> transport, Strand strand, std::string peer, bool tls)
      : server_(server),
        transport_(std::move(transport)),
        strand_(std::move(strand)),
        peer_(std::move(peer)),
        tls_(tls),
        answered_(strand_),
        buffer_(std::make_unique_for_overwrite<char[]>(kReadBytes)) {}
  ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  asio::awaitable<void> serve();
  asio::awaitable<void> refuse();  // 503 at once: there are too many connections

  Strand& strand() { return strand_; }
  bool idle() const { return idle_.load(std::memory_order_relaxed); }
  Clock::time_point deadline() const {
    return Clock::time_point(Clock::duration(deadline_.load(std::memory_order_relaxed)));
  }
  // On the strand:
  void expire() {  // what it waits for has taken too long
    if (Clock::now() < deadline()) return;
    timed_out_ = true;
    cancel();
  }
  void close_if_idle() {
    if (!idle()) return;
    closing_ = true;
    cancel();
  }
  void finish_after_this() {
    closing_ = true;
    close_if_idle();
  }
  void abort() {
    closing_ = aborted_ = true;
    error_code ignored;
    transport_->socket().close(ignored);
  }

 private:
  enum class Read { kBytes, kEnd, kTimeout };
  class Job;

  void cancel() {
    error_code ignored;
    transport_->socket().cancel(ignored);
  }
  void set_deadline(Clock::duration from_now) {
    timed_out_ = false;
    deadline_.store((Clock::now() + from_now).time_since_epoch().count(), std::memory_order_relaxed);
  }
  void clear_deadline() {
    timed_out_ = false;
    deadline_.store(std::numeric_limits<Clock::rep>::max(), std::memory_order_relaxed);
  }
  Clock::duration with_rate_floor(Clock::duration timeout, std::size_t bytes) const;
  std::string_view buffered() const { return {buffer_.get() + begin_, end_ - begin_}; }

  asio::awaitable<Read> read_more();
  asio::awaitable<bool> serve_one();  // false: close
  asio::awaitable<bool> read_request(RequestParser& parser);
  asio::awaitable<bool> give_up(RequestParser& parser, Problem problem);
  asio::awaitable<bool> answer(const HttpRequest& request, HttpResponse response, bool keep_alive);
  asio::awaitable<std::optional<HttpResponse>> run_on_worker(const HttpRequest& request);
  void take_answer(std::uint64_t number, std::optional<HttpResponse> response);
  asio::awaitable<void> close(bool unread_bytes);

  AsioServer& server_;
  std::unique_ptr<Transport> transport_;
  Strand strand_;
  const std::string peer_;
  const bool tls_;
  std::atomic<Clock::rep> deadline_{std::numeric_limits<Clock::rep>::max()};
  std::atomic<bool> idle_{false};
  bool timed_out_ = false;
  bool closing_ = false;  // after the request that is being served
  bool aborted_ = false;
  bool served_any_ = false;
  bool http_1_0_ = false;
  bool unread_ = false;  // the client may still be sending
  Clock::time_point head_read_;
  asio::steady_timer answered_;  // cancelled when job_ended_ was set
  bool job_ended_ = true;
  std::uint64_t job_number_ = 0;
  std::optional<HttpResponse> response_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// Bytes of a body, counted against those of all requests until the request is over.
class BodyCharge {
 public:
  BodyCharge(std::atomic<std::size_t>& total, std::size_t limit) : total_(total), limit_(limit) {}
  ~BodyCharge() { total_.fetch_sub(bytes_, std::memory_order_relaxed); }
  BodyCharge(const BodyCharge&) = delete;
  BodyCharge& operator=(const BodyCharge&) = delete;
  bool grow_to(std::size_t bytes) {
    if (bytes <= bytes_) return true;
    const std::size_t more = bytes - bytes_;
    if (total_.fetch_add(more, std::memory_order_relaxed) + more > limit_) {
      total_.fetch_sub(more, std::memory_order_relaxed);
      return false;
    }
    bytes_ = bytes;
    return true;
  }

 private:
  std::atomic<std::size_t>& total_;
  const std::size_t limit_;
  std::size_t bytes_ = 0;
};

Problem too_busy() {
  return {503, "unavailable", "the server is busy with other requests", "try again in a second", 1};
}

class AsioServer final : public HttpServer {
 public:
  AsioServer(HttpServerOptions options, HttpHandlers handlers)
      : options_(std::move(options)),
        handlers_(std::move(handlers)),
        strand_(asio::make_strand(io_)),
        acceptor_(strand_),
        sweep_timer_(strand_),
        workers_(std::max<std::size_t>(1, options_.workers), options_.max_waiting) {}
  ~AsioServer() override { stop(); }
  AsioServer(const AsioServer&) = delete;
  AsioServer& operator=(const AsioServer&) = delete;

  Result<void> open();
  std::uint16_t port() const override { return port_; }
  std::string url() const override;
  HttpServerLoad load() const override;
  void stop() override;

  const HttpServerOptions& options() const { return options_; }
  const HttpHandlers& handlers() const { return handlers_; }
  WorkerPool& workers() { return workers_; }
  std::atomic<std::size_t>& body_bytes() { return body_bytes_; }
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  void forget(Connection* connection);

 private:
  Result<void> read_certificate();
  asio::awaitable<void> accept_connections();
  asio::awaitable<void> sweep();
  void take(tcp::socket socket, Strand strand);
  bool make_room();
  std::vector<std::shared_ptr<Connection>> connections() const;

  const HttpServerOptions options_;
  const HttpHandlers handlers_;
  asio::io_context io_;
  Strand strand_;  // of the acceptor and the timer
  tcp::acceptor acceptor_;
  asio::steady_timer sweep_timer_;
  bool sweep_ended_ = false;  // on the strand
  std::optional<asio::ssl::context> tls_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> body_bytes_{0};
  std::atomic<std::size_t> refused_{0};  // connections that are only told so
  mutable std::mutex mutex_;
  std::condition_variable emptied_;
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections_;
  std::mutex stop_mutex_;
  std::vector<std::thread> threads_;
  WorkerPool workers_;
};

// --- one connection ---

Clock::duration Connection::with_rate_floor(Clock::duration timeout, std::size_t bytes) const {
  const std::size_t rate = std::max<std::size_t>(1, server_.options().min_bytes_per_second);
  return timeout + std::chrono::milliseconds(bytes * 1000 / rate);
}

// Waits for bytes behind those in the buffer, which must not be full.
asio::awaitable<Connection::Read> Connection::read_more() {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const Transport::Moved moved = co_await transport_->read_some(buffer_.get() + end_, kReadBytes - end_);
  end_ += moved.bytes;
  if (moved.bytes > 0) co_return Read::kBytes;
  co_return timed_out_ ? Read::kTimeout : Read::kEnd;
}

asio::awaitable<void> Connection::serve() {
  error_code ignored;
  transport_->socket().set_option(tcp::no_delay(true), ignored);
  set_deadline(server_.options().header_timeout);
  const error_code failed = co_await transport_->handshake();
  bool go_on = !failed;
  if (failed) aborted_ = true;  // nobody to say goodbye to
  while (go_on) {
    go_on = co_await serve_one();
    served_any_ = true;
  }
  if (!aborted_) co_await close(unread_ || begin_ < end_);
}

asio::awaitable<void> Connection::refuse() {
  set_deadline(kLingerTimeout);
  const std::string id = random_id();
  const HttpResponse response = problem_response(too_busy(), id);
  const std::string head = response_head(response, {id, false, false, std::time(nullptr)});
  const error_code failed = co_await transport_->write(head, response.body);
  if (!failed) co_await close(true);
}

// The client must not lose an answer because its last bytes meet a closed socket: a reset would drop what it has not
// read yet. So they are read and dropped for a moment.
asio::awaitable<void> Connection::close(bool unread_bytes) {
  set_deadline(kLingerTimeout);
  co_await transport_->say_goodbye();
  if (unread_bytes) {
    for (;;) {
      begin_ = end_ = 0;
      const error_code error = (co_await transport_->read_some(buffer_.get(), kReadBytes)).error;
      if (error || Clock::now() >= deadline()) break;
    }
  }
  error_code ignored;
  transport_->socket().close(ignored);
}

asio::awaitable<bool> Connection::give_up(RequestParser& parser, Problem problem) {
  HttpRequest& request = parser.request();
  if (request.id.empty()) request.id = random_id();
  request.peer = peer_;
  unread_ = true;
  HttpResponse response = problem_response(problem, request.id);
  co_return co_await answer(request, std::move(response), false);
}

// False: there is nothing to answer any more (the client went away, or give_up() has answered).
asio::awaitable<bool> Connection::read_request(RequestParser& parser) {
  const HttpServerOptions& options = server_.options();
  bool began = begin_ < end_;
  set_deadline(began || !served_any_ ? options.header_timeout : options.idle_timeout);
  for (;;) {
    const auto fed = parser.feed(buffered());
    if (!fed) {
      Problem problem = fed.error();
      co_await give_up(parser, std::move(problem));
      co_return false;
    }
    begin_ += fed->consumed;
    if (fed->stage != RequestParser::Stage::kHead) co_return true;
    idle_.store(!began, std::memory_order_relaxed);
    if (!began && closing_) co_return false;
    const Read read = co_await read_more();
    idle_.store(false, std::memory_order_relaxed);
    if (read == Read::kBytes) {
      if (!began) set_deadline(options.header_timeout);
      began = true;
      continue;
    }
    if (!began || aborted_) co_return false;
    Problem problem{400, "bad_request", "the request ends before its head does", {}};
    if (read == Read::kTimeout)
      problem = {408, "timeout", "the head of the request did not come in time", "send it in one piece"};
    co_await give_up(parser, std::move(problem));
    co_return false;
  }
}

asio::awaitable<bool> Connection::serve_one() {
  const HttpServerOptions& options = server_.options();
  const HttpHandlers& handlers = server_.handlers();
  RequestParser parser(options.limits);
  http_1_0_ = false;
  const bool has_head = co_await read_request(parser);
  if (!has_head) co_return false;

  head_read_ = Clock::now();
  HttpRequest& request = parser.request();
  const std::optional<std::uint64_t> length = parser.body_length();
  const bool body_follows = !length || *length > 0;
  const bool keep_alive = parser.keep_alive();
  http_1_0_ = parser.is_http_1_0();
  const auto given_id = request.header("X-Request-Id");
  request.id = given_id && is_request_id(*given_id) ? std::string(*given_id) : random_id();
  request.peer = peer_;
  request.tls = tls_;

  std::optional<HttpResponse> early;
  BodyCharge charge(server_.body_bytes(), options.max_body_bytes_in_flight);
  if (!is_allowed_host(request.host, options.allowed_hosts)) {
    early = problem_response(Problem{421, "wrong_host", "this server does not go by the name '" + request.host + "'",
                                     "use the address that `warifu serve` printed"},
                             request.id);
  } else {
    try {
      if (handlers.admit) early = handlers.admit(request);
    } catch (...) {
      early = problem_response(problem_of(Error{}), request.id);
    }
  }
  if (!early && length && !charge.grow_to(*length)) early = problem_response(too_busy(), request.id);
  if (early) {
    unread_ = body_follows;
    HttpResponse response = std::move(*early);
    co_return co_await answer(request, std::move(response), keep_alive && !body_follows);
  }

  if (body_follows) {
    const Clock::time_point began = Clock::now();
    set_deadline(options.body_timeout);
    if (parser.expects_continue() && begin_ == end_) {
      const error_code failed = co_await transport_->write("HTTP/1.1 100 Continue\r\n\r\n", {});
      if (failed) {
        aborted_ = true;
        co_return false;
      }
    }
    for (;;) {
      const auto fed = parser.feed(buffered());
      if (!fed) {
        Problem problem = fed.error();
        co_return co_await give_up(parser, std::move(problem));
      }
      begin_ += fed->consumed;
      if (fed->stage == RequestParser::Stage::kComplete) break;
      const std::size_t received = parser.body_received();
      if (!charge.grow_to(received)) co_return co_await give_up(parser, too_busy());
      if (end_ - begin_ > options.limits.header_bytes) {
        Problem problem{
            400, "bad_request", "this is not an HTTP request: a chunk without an end of its first line", {}};
        co_return co_await give_up(parser, std::move(problem));
      }
      set_deadline(began - Clock::now() + with_rate_floor(options.body_timeout, received));
      const Read read = co_await read_more();
      if (read == Read::kBytes) continue;
      if (aborted_) co_return false;
      Problem problem{400, "bad_request", "the request ends before its body does", {}};
      if (read == Read::kTimeout)
        problem = {408, "timeout", "the body of the request did not come in time",
                   "use a faster line or a smaller picture"};
      co_return co_await give_up(parser, std::move(problem));
    }
  }

  clear_deadline();
  bool is_fast = false;
  std::optional<HttpResponse> response;
  try {
    is_fast = handlers.is_fast && handlers.is_fast(request);
    if (is_fast) response = handlers.handle(request);
  } catch (...) {
    response = problem_response(problem_of(Error{}), request.id);
  }
  if (!is_fast && !response) response = co_await run_on_worker(request);
  if (!response) co_return false;  // stop() did not wait for it
  HttpResponse whole = std::move(*response);
  co_return co_await answer(request, std::move(whole), keep_alive);
}

// What a worker is handed. However it ends, run or dropped, the connection hears of it.
class Connection::Job {
 public:
  Job(std::shared_ptr<Connection> connection, const HttpRequest& request, std::uint64_t number)
      : connection_(std::move(connection)), request_(&request), number_(number) {}
  Job(Job&&) noexcept = default;
  Job& operator=(Job&&) = delete;
  ~Job() {
    if (!connection_) return;
    Connection& connection = *connection_;
    asio::post(connection.strand_,
               [kept = std::move(connection_), number = number_, response = std::move(response_)]() mutable {
                 kept->take_answer(number, std::move(response));
               });
  }
  void operator()() {
    try {
      response_ = connection_->server_.handlers().handle(*request_);
    } catch (...) {
      response_ = problem_response(problem_of(Error{}), request_->id);
    }
  }

 private:
  std::shared_ptr<Connection> connection_;
  const HttpRequest* request_;  // in a frame that waits for us
  std::uint64_t number_;
  std::optional<HttpResponse> response_;
};

void Connection::take_answer(std::uint64_t number, std::optional<HttpResponse> response) {
  if (number != job_number_) return;  // of a job that the pool refused
  response_ = std::move(response);
  job_ended_ = true;
  answered_.cancel();
}

// Nothing: stop() dropped the request. Returns only when no worker looks at `request` any more.
asio::awaitable<std::optional<HttpResponse>> Connection::run_on_worker(const HttpRequest& request) {
  job_ended_ = false;
  response_.reset();
  answered_.expires_at(Clock::time_point::max());
  if (!server_.workers().submit(Job(shared_from_this(), request, ++job_number_))) {
    ++job_number_;
    co_return problem_response(too_busy(), request.id);
  }
  while (!job_ended_) {
    static_cast<void>(co_await answered_.async_wait(kTuple));
  }
  std::optional<HttpResponse> response = std::move(response_);
  response_.reset();
  co_return response;
}

asio::awaitable<bool> Connection::answer(const HttpRequest& request, HttpResponse response, bool keep_alive) {
  const HttpServerOptions& options = server_.options();
  keep_alive = keep_alive && !closing_ && !server_.stopping();
  const std::string head = response_head(response, {request.id, keep_alive, http_1_0_, std::time(nullptr)});
  const bool with_body = has_body(response.status) && request.method != "HEAD";
  set_deadline(with_rate_floor(options.write_timeout, response.body.size()));
  const error_code failed = co_await transport_->write(head, with_body ? std::string_view(response.body) : "");
  if (failed) aborted_ = true;
  if (const auto& observe = server_.handlers().observe) {
    const double seconds =
        head_read_ == Clock::time_point{} ? 0 : std::chrono::duration<double>(Clock::now() - head_read_).count();
    try {
      observe(request, response, seconds);
    } catch (...) {  // a log that cannot be written must not end the server
    }
  }
  co_return keep_alive && !failed;
}

// --- the server ---

Fail port_error(const error_code& error, const std::string& place) {
  const std::string message = "cannot listen on " + place + ": " + error.message();
  if (error == boost::system::errc::permission_denied)
    return fail(ErrorCode::kPermissionDenied, message, "ports below 1024 need a privilege: choose another with --port");
  if (error == boost::system::errc::address_in_use)
    return fail(ErrorCode::kUnavailable, message, "choose another port with --port, or end who has it");
  if (error == boost::system::errc::address_not_available)
    return fail(ErrorCode::kInvalidArgument, message, "give an address of this machine; `ip address` lists them");
  return fail(ErrorCode::kIo, message);
}

Result<void> check_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) return {};
  return fail(ErrorCode::kNotFound, path.string() + ": no such file");
}

Result<void> AsioServer::read_certificate() {
  if (options_.certificate.empty() && options_.key.empty()) return {};
  if (options_.certificate.empty() || options_.key.empty())
    return fail(ErrorCode::kInvalidArgument, "TLS needs a certificate and its key; only one of them is given");
  for (const auto& path : {options_.certificate, options_.key})
    if (auto found = check_file(path); !found) return found;
  tls_.emplace(asio::ssl::context::tls_server);
  ::SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
  ::SSL_CTX_set_options(tls_->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  ::SSL_CTX_set_mode(tls_->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  // OpenSSL would ask the terminal for the password of an encrypted key.
  error_code error;
  tls_->set_password_callback([](std::size_t, asio::ssl::context::password_purpose) { return std::string(); }, error);
  tls_->use_certificate_chain_file(options_.certificate.string(), error);
  if (error)
    return fail(ErrorCode::kBadFormat, options_.certificate.string() + ": not a PEM certificate: " + error.message());
  tls_->use_private_key_file(options_.key.string(), asio::ssl::context::pem, error);
  if (error)
    return fail(ErrorCode::kBadFormat,
                options_.key.string() + ": not the PEM key of the certificate: " + error.message(),
                "the key must be the certificate's own and have no password");
  return {};
}

Result<void> AsioServer::open() {
  if (auto read = read_certificate(); !read) return read;
  error_code error;
  const auto address = asio::ip::make_address(options_.address, error);
  if (error)
    return fail(ErrorCode::kInvalidArgument, "'" + options_.address + "' is not an IPv4 or IPv6 address",
                "127.0.0.1 for this machine alone, 0.0.0.0 or :: for every network it is in");
  const tcp::endpoint endpoint(address, options_.port);
  const std::string place = options_.address + " port " + std::to_string(options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return port_error(error, place);
  port_ = acceptor_.local_endpoint(error).port();
  asio::co_spawn(strand_, accept_connections(), [](const std::exception_ptr&) {});
  asio::co_spawn(strand_, sweep(), [](const std::exception_ptr&) {});
  for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.io_threads); ++i)
    threads_.emplace_back([this] { io_.run(); });
  return {};
}

std::string AsioServer::url() const {
  const bool is_v6 = options_.address.find(':') != std::string::npos;
  return std::string(tls_ ? "https://" : "http://") + (is_v6 ? "[" + options_.address + "]" : options_.address) + ":" +
         std::to_string(port_);
}

HttpServerLoad AsioServer::load() const {
  HttpServerLoad load;
  {
    const std::lock_guard lock(mutex_);
    load.connections = connections_.size();
  }
  load.waiting = workers_.waiting();
  load.running = workers_.running();
  load.body_bytes = body_bytes_.load(std::memory_order_relaxed);
  return load;
}

asio::awaitable<void> AsioServer::accept_connections() {
  while (acceptor_.is_open()) {
    Strand strand = asio::make_strand(io_);
    tcp::socket socket(strand);
    const auto [error] = co_await acceptor_.async_accept(socket, kTuple);
    if (stopping()) co_return;
    if (!error) {
      take(std::move(socket), std::move(strand));
      continue;
    }
    // No descriptors left, most likely: others close before long.
    asio::steady_timer pause(strand_, std::chrono::milliseconds(50));
    static_cast<void>(co_await pause.async_wait(kTuple));
  }
}

void AsioServer::take(tcp::socket socket, Strand strand) {
  error_code error;
  const auto from = socket.remote_endpoint(error);
  if (error) return;  // gone already
  const bool refused = !make_room();
  if (refused && (tls_ || refused_.load() >= kMaxRefusedConnections)) return;
  std::unique_ptr<Transport> transport;
  if (tls_)
    transport = std::make_unique<TlsTransport>(std::move(socket), *tls_);
  else
    transport = std::make_unique<PlainTransport>(std::move(socket));
  auto address = from.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  auto connection =
      std::make_shared<Connection>(*this, std::move(transport), strand, address.to_string(), tls_.has_value());
  {
    const std::lock_guard lock(mutex_);
    if (stopping()) return;
    connections_.emplace(connection.get(), connection);
  }
  if (refused) refused_.fetch_add(1);
  asio::co_spawn(strand, refused ? connection->refuse() : connection->serve(),
                 [this, connection, refused](const std::exception_ptr&) mutable {
                   if (refused) refused_.fetch_sub(1);
                   Connection* const known = connection.get();
                   connection.reset();
                   forget(known);
                 });
}

void AsioServer::forget(Connection* connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);
  if (connections_.empty()) emptied_.notify_all();
}

std::vector<std::shared_ptr<Connection>> AsioServer::connections() const {
  std::vector<std::shared_ptr<Connection>> all;
  const std::lock_guard lock(mutex_);
  all.reserve(connections_.size());
  for (const auto& [known, weak] : connections_)
    if (auto connection = weak.lock()) all.push_back(std::move(connection));
  return all;
}

// Whether one more connection may be served, for which the one that has idled longest may have to go.
bool AsioServer::make_room() {
  const auto all = connections();
  const std::size_t served = all.size() - std::min(all.size(), refused_.load());
  if (served < options_.max_connections) return true;
  std::shared_ptr<Connection> oldest;
  for (const auto& connection : all)
    if (connection->idle() && (!oldest || connection->deadline() < oldest->deadline())) oldest = connection;
  if (!oldest) return false;
  asio::post(oldest->strand(), [oldest] { oldest->close_if_idle(); });
  return true;
}

// One timer for all instead of one for each step of each connection: timeouts are as exact as its interval.
asio::awaitable<void> AsioServer::sweep() {
  for (;;) {
    sweep_timer_.expires_after(kSweepInterval);
    const auto [error] = co_await sweep_timer_.async_wait(kTuple);
    // Not by the error alone: a timer that has just run out is not cancelled any more.
    if (error || sweep_ended_) co_return;
    const auto now = Clock::now();
    for (const auto& connection : connections())
      if (connection->deadline() <= now) asio::post(connection->strand(), [connection] { connection->expire(); });
  }
}

void AsioServer::stop() {
  const std::lock_guard only_once(stop_mutex_);
  if (stopping()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asio::post(strand_, [this] {
    error_code ignored;
    acceptor_.close(ignored);
  });
  for (const auto& connection : connections())
    asio::post(connection->strand(), [connection] { connection->finish_after_this(); });
  {
    std::unique_lock lock(mutex_);
    emptied_.wait_for(lock, options_.drain_timeout, [this] { return connections_.empty(); });
  }
  for (const auto& connection : connections()) asio::post(connection->strand(), [connection] { connection->abort(); });
  workers_.drop_waiting_and_join();
  // Every connection ends now: its socket is closed and its handler has returned.
  asio::post(strand_, [this] {
    sweep_ended_ = true;
    sweep_timer_.cancel();
  });
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> start_http_server(HttpServerOptions options, HttpHandlers handlers) {
  if (!handlers.handle) return fail(ErrorCode::kInvalidArgument, "an HTTP server without a handler answers nothing");
  if (options.limits.header_bytes < 256 || options.limits.header_bytes > kReadBytes / 2)
    return fail(ErrorCode::kInvalidArgument,
                "headers of " + std::to_string(options.limits.header_bytes) + " bytes; 256 to 32768 can be read");
  if (::sodium_init() < 0) return fail(ErrorCode::kInternal, "libsodium does not start");
  try {
    auto server = std::make_unique<AsioServer>(std::move(options), std::move(handlers));
    if (auto opened = server->open(); !opened) return std::unexpected(opened.error());
    return server;
  } catch (const std::exception& error) {  // no threads, no memory
    return fail(ErrorCode::kIo, std::string("the HTTP server does not start: ") + error.what());
  }
}

std::vector<std::string> loopback_hosts(std::string_view address) {
  std::vector<std::string> hosts = {"localhost", "127.0.0.1", "[::1]"};
  const std::string own =
      address.find(':') == std::string_view::npos ? std::string(address) : "[" + std::string(address) + "]";
  if (std::ranges::find(hosts, own) == hosts.end()) hosts.push_back(own);
  return hosts;
}

bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed) {
  if (allowed.empty()) return true;
  // The port comes behind the last colon, unless that one is inside the brackets of an IPv6 address.
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon))
    host = host.substr(0, colon);
  return std::ranges::any_of(allowed, [&](const std::string& name) { return equals_ignoring_case(name, host); });
}

}  // namespace warifu
