#include "server/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/file.h"
#include "base/fresh_folder_for_test.h"
#include "base/rng.h"
#include "server/http_client_for_test.h"
#include "server/problem.h"

namespace warifu {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

std::string get(std::string_view target, std::string_view headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) + "\r\n";
}

std::string post(std::string_view target, std::string_view body, std::string_view headers = "") {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

// Handlers that wait until they may go on.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void wait_for_visitors(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

// Says what it was asked: "POST /a/b?x=y 5:hello".
HttpResponse echo(const HttpRequest& request) {
  return text_response(200, "text/plain",
                       request.method + " " + request.target + " " + std::to_string(request.body.size()) + ":" +
                           request.body.substr(0, 100));
}

std::unique_ptr<HttpServer> started(HttpServerOptions options, HttpHandlers handlers) {
  options.port = 0;
  auto server = start_http_server(std::move(options), std::move(handlers));
  EXPECT_TRUE(server) << server.error().message;
  return server ? std::move(*server) : nullptr;
}

std::unique_ptr<HttpServer> echo_server(HttpServerOptions options = {}) { return started(std::move(options), {echo}); }

TEST(HttpServer, AnswersWithItsOwnHeaders) {
  const auto server = echo_server();
  TestClient client(server->port());
  const auto answer = client.ask(get("/a%20b?x=y", "X-Request-Id: mine-1\r\n"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "GET /a%20b?x=y 0:");
  EXPECT_EQ(answer.header("x-request-id"), "mine-1");
  EXPECT_EQ(answer.header("x-content-type-options"), "nosniff");
  const auto other = client.ask(get("/", "X-Request-Id: not allowed\r\n"));
  EXPECT_EQ(other.header("X-Request-Id").size(), 32U) << "made here";
  EXPECT_EQ(server->url(), "http://127.0.0.1:" + std::to_string(server->port()));
}

TEST(HttpServer, ServesOneConnectionAsLongAsItIsKept) {
  const auto server = echo_server();
  TestClient client(server->port());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.ask(post("/", std::to_string(i))).status, 200);
  EXPECT_EQ(server->load().connections, 1U);
  EXPECT_EQ(client.ask(get("/", "Connection: close\r\n")).header("Connection"), "close");
  EXPECT_TRUE(client.closes());
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  const auto server = echo_server();
  TestClient client(server->port());
  std::string all;
  for (int i = 0; i < 200; ++i)
    all += i % 2 == 0 ? get("/" + std::to_string(i)) : post("/" + std::to_string(i), "body");
  client.send(all + "\r\n");
  for (int i = 0; i < 200; ++i)
    EXPECT_THAT(client.receive().body, HasSubstr("/" + std::to_string(i) + (i % 2 == 0 ? " 0:" : " 4:body")));
}

TEST(HttpServer, SpeaksHttp10AndHead) {
  const auto server = echo_server();
  TestClient head(server->port());
  head.send("HEAD /abc HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(head.receive(false).header("Content-Length"), "12");
  EXPECT_EQ(head.ask(get("/next")).body, "GET /next 0:") << "the answer to HEAD had no body";
  TestClient old(server->port());
  EXPECT_EQ(old.ask("GET /old HTTP/1.0\r\n\r\n").body, "GET /old 0:");
  EXPECT_TRUE(old.closes());
  TestClient kept(server->port());
  EXPECT_EQ(kept.ask("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("Connection"), "keep-alive");
  EXPECT_EQ(kept.ask(get("/")).status, 200);
}

TEST(HttpServer, ReadsBodiesOfBothKindsInAnyPieces) {
  const auto server = echo_server();
  TestClient client(server->port());
  const std::string chunked =
      "POST /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Late: 1\r\n\r\n";
  EXPECT_EQ(client.ask(chunked).body, "POST /c 5:abcde");
  for (const char c : chunked) client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.receive().body, "POST /c 5:abcde");
  for (const char c : post("/l", "hello")) client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.receive().body, "POST /l 5:hello");
  EXPECT_THAT(client.ask(post("/big", std::string(5'000'000, 'x'))).body, HasSubstr(" 5000000:xxx"));
}

TEST(HttpServer, AsksForTheBodyThatAClientHoldsBack) {
  const auto server = echo_server();
  TestClient client(server->port());
  client.send("POST /e HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  EXPECT_EQ(client.ask("hi").body, "POST /e 2:hi");
  EXPECT_EQ(client.ask(get("/", "Expect: miracles\r\n")).status, 417);
}

TEST(HttpServer, RefusesWhatIsMalformedAndCloses) {
  const auto server = echo_server();
  const std::string host = "Host: localhost\r\n";
  const std::pair<std::string, int> cases[] = {
      {"\x16\x03\x01\x02", 400},  // TLS
      {"hello\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},  // no host
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Bad Header: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "A : x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + std::string("A: \0\r\n\r\n", 8), 400},
      {"GET /%00 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /../x HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET / HTTP/2.0\r\n" + host + "\r\n", 505},
      {"GET / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, gzip\r\n\r\n", 501},
      {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", 400},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(30'000, 'x'), 400},
      {"GET /" + std::string(10'000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
      {"GET /" + std::string(100'000, 'a'), 414},
      {"GET / HTTP/1.1\r\n" + host + "A: " + std::string(17'000, 'a') + "\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\n" + host + "A: " + std::string(100'000, 'a'), 431},
      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 40000000\r\n\r\nxx", 413},
      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3000000\r\n", 413},
  };
  for (const auto& [bytes, status] : cases) {
    TestClient client(server->port());
    client.send(bytes);
    const auto answer = client.receive();
    EXPECT_EQ(answer.status, status) << bytes.substr(0, 100) << answer.body;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    EXPECT_EQ(answer.header("Connection"), "close");
    EXPECT_EQ(answer.header("X-Request-Id").size(), 32U);
  }
}

TEST(HttpServer, StopsReadingABodyThatIsTooLargeButTellsWhy) {
  HttpServerOptions options;
  options.limits.body_bytes = 1'000'000;
  const auto server = echo_server(options);
  EXPECT_EQ(TestClient(server->port()).ask(post("/", std::string(1'000'000, 'x'))).status, 200);
  EXPECT_EQ(TestClient(server->port()).ask(post("/", std::string(1'000'001, 'x'))).status, 413);
  std::string chunks = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) chunks += "186A0\r\n" + std::string(100'000, 'x') + "\r\n";
  EXPECT_EQ(TestClient(server->port()).ask(chunks).status, 413);
}

TEST(HttpServer, DoesNotWaitForSlowClients) {
  HttpServerOptions options;
  options.header_timeout = options.body_timeout = options.idle_timeout = milliseconds(200);
  const auto server = echo_server(options);
  TestClient nothing(server->port());
  TestClient idle(server->port());
  TestClient head(server->port());
  TestClient body(server->port());
  TestClient chunks(server->port());
  idle.ask(get("/"));
  head.send("GET / HTTP/1.1\r\nHo");
  body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  chunks.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(head.receive().status, 408);
  EXPECT_EQ(body.receive().status, 408);
  EXPECT_EQ(chunks.receive().status, 408);
  for (TestClient* client : {&head, &body, &chunks}) EXPECT_TRUE(client->closes());
  EXPECT_EQ(nothing.receive().status, 0);
  EXPECT_EQ(idle.receive().status, 0);
  EXPECT_TRUE(nothing.closes());
  EXPECT_TRUE(idle.closes());
}

TEST(HttpServer, DoesNotLetAByteNowAndThenHoldAConnection) {
  HttpServerOptions options;
  options.body_timeout = milliseconds(300);
  const auto server = echo_server(options);
  TestClient client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  const auto began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - began < milliseconds(700)) {
    client.send("x");
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(client.receive().status, 408);
}

TEST(HttpServer, DoesNotWaitForClientsThatDoNotRead) {
  HttpServerOptions options;
  options.write_timeout = milliseconds(200);
  options.min_bytes_per_second = 1U << 30;
  const auto server = started(
      options, {[](const HttpRequest&) { return text_response(200, "text/plain", std::string(100'000'000, 'x')); }});
  TestClient client(server->port());
  client.send(get("/"));
  for (int i = 0; i < 100 && server->load().connections != 1; ++i) std::this_thread::sleep_for(milliseconds(10));
  for (int i = 0; i < 500 && server->load().connections != 0; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(server->load().connections, 0U);
}

TEST(HttpServer, AnswersAClientThatSendsNoMore) {
  const auto server = echo_server();
  TestClient whole(server->port());
  whole.send(get("/half"));
  whole.send_no_more();
  EXPECT_EQ(whole.receive().body, "GET /half 0:");
  EXPECT_TRUE(whole.closes());
  TestClient part(server->port());
  part.send("GET / HT");
  part.send_no_more();
  EXPECT_EQ(part.receive().status, 400);
  TestClient body(server->port());
  body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  body.send_no_more();
  EXPECT_EQ(body.receive().status, 400);
}

TEST(HttpServer, RefusesAtOnceWhenTheQueueIsFullButStaysHealthy) {
  HttpServerOptions options;
  options.workers = 2;
  options.max_waiting = 3;
  Gate gate;
  const auto server =
      started(options, {.handle =
                            [&](const HttpRequest& request) {
                              if (request.target != "/healthz") gate.wait();
                              return echo(request);
                            },
                        .is_fast = [](const HttpRequest& request) { return request.target == "/healthz"; }});
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<TestClient>(server->port()));
    clients.back()->send(get("/slow"));
  }
  gate.wait_for_visitors(2);
  for (int i = 0; i < 500 && server->load().waiting != 3; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(server->load().waiting, 3U);
  EXPECT_EQ(server->load().running, 2U);
  TestClient late(server->port());
  const auto refused = late.ask(get("/slow"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(late.ask(get("/healthz")).status, 200) << "on the same connection";
  gate.open();
  for (const auto& client : clients) EXPECT_EQ(client->receive().status, 200);
  EXPECT_EQ(late.ask(get("/slow")).status, 200);
}

TEST(HttpServer, ClosesAnIdleConnectionForANewOne) {
  HttpServerOptions options;
  options.max_connections = 3;
  const auto server = echo_server(options);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<TestClient>(server->port()));
    EXPECT_EQ(clients.back()->ask(get("/")).status, 200) << i;
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_TRUE(clients[0]->closes());
  EXPECT_EQ(clients[5]->ask(get("/")).status, 200);
}

TEST(HttpServer, RefusesAConnectionWhenNoneIsIdle) {
  HttpServerOptions options;
  options.max_connections = 2;
  Gate gate;
  const auto server = started(options, {[&](const HttpRequest& request) {
                                gate.wait();
                                return echo(request);
                              }});
  TestClient first(server->port());
  TestClient second(server->port());
  first.send(get("/"));
  second.send(get("/"));
  gate.wait_for_visitors(2);
  TestClient third(server->port());
  const auto refused = third.ask(get("/"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  gate.open();
  EXPECT_EQ(first.receive().status, 200);
  EXPECT_EQ(second.receive().status, 200);
}

TEST(HttpServer, BoundsTheBodiesInMemory) {
  HttpServerOptions options;
  options.max_body_bytes_in_flight = 10'000;
  Gate gate;
  const auto server = started(options, {[&](const HttpRequest& request) {
                                if (request.target == "/hold") gate.wait();
                                return echo(request);
                              }});
  TestClient first(server->port());
  first.send(post("/hold", std::string(9000, 'x')));
  gate.wait_for_visitors(1);
  EXPECT_EQ(server->load().body_bytes, 9000U);
  EXPECT_EQ(TestClient(server->port()).ask(post("/", std::string(1001, 'x'))).status, 503);
  EXPECT_EQ(TestClient(server->port())
                .ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7D0\r\n" + std::string(2000, 'x'))
                .status,
            503);
  EXPECT_EQ(TestClient(server->port()).ask(post("/", std::string(1000, 'x'))).status, 200);
  gate.open();
  EXPECT_EQ(first.receive().status, 200);
  // A body is given back when its answer has been written, which the client may see a moment earlier.
  const auto given_back = [&] {
    for (int i = 0; i < 5000 && server->load().body_bytes > 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return server->load().body_bytes == 0;
  };
  EXPECT_TRUE(given_back());
  EXPECT_EQ(TestClient(server->port()).ask(post("/", std::string(9999, 'x'))).status, 200);
  EXPECT_TRUE(given_back());
}

TEST(HttpServer, RefusesStrangersBeforeTheySendABody) {
  const auto server =
      started({}, {.handle =
                       [](const HttpRequest& request) {
                         return text_response(200, "text/plain", std::any_cast<std::string>(request.context));
                       },
                   .admit = [](HttpRequest& request) -> std::optional<HttpResponse> {
                     const auto token = request.bearer_token();
                     if (!token) return problem_response(Problem{401, "unauthenticated", "who?", {}}, request.id);
                     request.context = "principal " + std::string(*token);
                     return std::nullopt;
                   }});
  TestClient client(server->port());
  EXPECT_EQ(client.ask(get("/")).status, 401);
  EXPECT_EQ(client.ask(get("/", "Authorization: Bearer ann\r\n")).body, "principal ann") << "on the same connection";
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 401);
  EXPECT_TRUE(client.closes());
  EXPECT_EQ(TestClient(server->port()).ask(post("/", std::string(3'000'000, 'x'))).status, 401);
}

TEST(HttpServer, AnswersToItsOwnNamesOnly) {
  HttpServerOptions options;
  options.allowed_hosts = loopback_hosts("127.0.0.1");
  const auto server = echo_server(options);
  const auto status = [&](const std::string& host) {
    return TestClient(server->port()).ask("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n").status;
  };
  for (const char* host : {"localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:80"})
    EXPECT_EQ(status(host), 200) << host;
  for (const char* host : {"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", ""})
    EXPECT_EQ(status(host), 421) << host;
  EXPECT_EQ(TestClient(server->port()).ask("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 421);
}

TEST(HttpServer, SurvivesWhatItsHandlersThrow) {
  std::atomic<int> observed = 0;
  const auto server =
      started({}, {.handle = [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("secret"); },
                   .observe =
                       [&](const HttpRequest& request, const HttpResponse& response, double seconds) {
                         if (response.status == 500 && request.target == "/x" && seconds >= 0) ++observed;
                         throw 1;
                       }});
  TestClient client(server->port());
  const auto answer = client.ask(get("/x"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, Not(HasSubstr("secret")));
  EXPECT_EQ(client.ask(get("/x")).status, 500);
  server->stop();
  EXPECT_EQ(observed, 2);
}

TEST(HttpServer, FinishesWhatItAnswersBeforeItStops) {
  HttpServerOptions options;
  options.workers = 1;
  Gate gate;
  const auto server = started(options, {[&](const HttpRequest& request) {
                                gate.wait();
                                return echo(request);
                              }});
  TestClient idle(server->port());
  TestClient running(server->port());
  TestClient waiting(server->port());
  running.send(get("/running"));
  gate.wait_for_visitors(1);
  waiting.send(get("/waiting") + get("/not-served"));
  for (int i = 0; i < 500 && server->load().waiting != 1; ++i) std::this_thread::sleep_for(milliseconds(10));
  std::thread stopping([&] { server->stop(); });
  EXPECT_TRUE(idle.closes());
  gate.open();
  const auto answer = running.receive();
  EXPECT_EQ(answer.body, "GET /running 0:");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_EQ(waiting.receive().body, "GET /waiting 0:");
  EXPECT_EQ(waiting.receive().status, 0);
  stopping.join();
  EXPECT_FALSE(TestClient(server->port()).connected());
}

TEST(HttpServer, DoesNotWaitForEverWhenItStops) {
  HttpServerOptions options;
  options.workers = 1;
  options.drain_timeout = milliseconds(100);
  Gate gate;
  const auto server = started(options, {[&](const HttpRequest& request) {
                                gate.wait();
                                return echo(request);
                              }});
  TestClient running(server->port());
  TestClient waiting(server->port());
  TestClient slow(server->port());
  running.send(get("/"));
  gate.wait_for_visitors(1);
  waiting.send(get("/"));
  slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  for (int i = 0; i < 500 && (server->load().waiting != 1 || server->load().body_bytes != 5); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  std::thread stopping([&] { server->stop(); });
  EXPECT_EQ(waiting.receive().status, 0);
  EXPECT_EQ(slow.receive().status, 0);
  gate.open();
  stopping.join();
}

TEST(HttpServer, SaysWhyItDoesNotStart) {
  const auto code = [](HttpServerOptions options) {
    auto server = start_http_server(std::move(options), {echo});
    return server ? ErrorCode::kInternal : server.error().code;
  };
  const auto server = echo_server();
  EXPECT_EQ(code({.port = server->port()}), ErrorCode::kUnavailable);
  EXPECT_EQ(code({.address = "example.org"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.address = "192.0.2.1", .port = 0}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.port = 0, .certificate = "a.pem"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.port = 0, .certificate = "/no/a.pem", .key = "/no/b.pem"}), ErrorCode::kNotFound);
  EXPECT_EQ(code({.port = 0, .certificate = "/etc/passwd", .key = "/etc/passwd"}), ErrorCode::kBadFormat);
  EXPECT_FALSE(start_http_server({.port = 0}, {}));
}

TEST(HttpServer, SpeaksTls) {
  const auto folder = fresh_folder();
  const std::string certificate = (folder / "certificate.pem").string();
  const std::string key = (folder / "key.pem").string();
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -keyout " +
      key + " -out " + certificate + " >/dev/null 2>&1";
  if (std::system(make.c_str()) != 0) GTEST_SKIP() << "no openssl program to make a certificate with";
  HttpServerOptions options;
  options.certificate = certificate;
  options.key = key;
  options.header_timeout = milliseconds(1000);
  const auto server = echo_server(options);
  EXPECT_THAT(server->url(), testing::StartsWith("https://"));
  const std::string file = (folder / "answer.txt").string();
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const std::string ask =
        "printf 'GET /one HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\nPOST /two HTTP/1.1\\r\\nHost: "
        "localhost\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nhi' | timeout 10 openssl s_client -quiet " +
        std::string(version) + " -verify_return_error -verify_hostname localhost -CAfile " + certificate +
        " -connect 127.0.0.1:" + std::to_string(server->port()) + " >" + file + " 2>/dev/null";
    static_cast<void>(std::system(ask.c_str()));
    const auto text = read_text_file(file, 100'000);
    ASSERT_TRUE(text);
    EXPECT_THAT(*text, HasSubstr("GET /one 0:"));
    EXPECT_THAT(*text, HasSubstr("POST /two 2:hi"));
  }
  const std::string old = "timeout 10 openssl s_client -tls1_1 -cipher ALL@SECLEVEL=0 -connect 127.0.0.1:" +
                          std::to_string(server->port()) + " </dev/null >/dev/null 2>&1";
  EXPECT_NE(std::system(old.c_str()), 0);
  TestClient plain(server->port());
  plain.send(get("/"));
  EXPECT_TRUE(plain.closes());
  TestClient silent(server->port());
  EXPECT_TRUE(silent.closes()) << "a handshake that does not begin";
  HttpServerOptions wrong = options;
  wrong.key = certificate;
  wrong.port = 0;
  EXPECT_EQ(start_http_server(wrong, {echo}).error().code, ErrorCode::kBadFormat);
}

TEST(HttpServer, OutlivesGarbage) {
  HttpServerOptions options;
  options.header_timeout = options.body_timeout = milliseconds(300);
  const auto server = echo_server(options);
  const std::string seeds[] = {
      get("/a%20b?x=y&z", "X-Request-Id: abc\r\nConnection: keep-alive\r\nCookie: a=b; c=d\r\n"),
      post("/v1/search", "{\"text\":\"red shoe\"}", "Content-Type: application/json\r\n"),
      "POST /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n2\r\nde\r\n0\r\nX: "
      "1\r\n\r\n",
      "HEAD http://localhost/x HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" + get("/next")};
  Rng rng(20261128);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = seeds[rng.below(4)] + seeds[rng.below(4)];
    for (std::uint64_t i = 0, count = 1 + rng.below(5); i < count; ++i) {
      const std::size_t at = rng.below(bytes.size());
      switch (rng.below(4)) {
        case 0:
          bytes[at] = static_cast<char>(rng.next());
          break;
        case 1:
          bytes.erase(at, 1 + rng.below(5));
          bytes += '\n';
          break;
        case 2:
          bytes.insert(at, bytes.substr(rng.below(bytes.size()), rng.below(40)));
          break;
        default:
          bytes[at] = "\r\n\0: %;,"[rng.below(8)];
      }
    }
    TestClient client(server->port());
    ASSERT_TRUE(client.connected());
    client.send(bytes);
    if (rng.below(4) != 0) {
      client.send_no_more();
      ASSERT_TRUE(client.closes()) << round;
    }
  }
  EXPECT_EQ(TestClient(server->port()).ask(get("/alive")).body, "GET /alive 0:");
}

}  // namespace
}  // namespace warifu
