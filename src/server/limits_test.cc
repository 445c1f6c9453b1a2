#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/metrics.h"
#include "server/rate_limit.h"
#include "server/sessions.h"

namespace warifu {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RateLimiter, LetsABurstInAndThenOneAfterTheOther) {
  RateLimiter limiter({.requests_per_second = 2, .burst = 3, .in_flight = 0});
  const auto start = RateLimiter::Clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.admit("a", start));
  const auto refused = limiter.admit("a", start);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 429);
  EXPECT_EQ(refused.error().retry_after_s, 1);
  EXPECT_TRUE(limiter.admit("b", start)) << "another principal has its own bucket";
  EXPECT_FALSE(limiter.admit("a", start + milliseconds(400)));
  EXPECT_TRUE(limiter.admit("a", start + milliseconds(600)));
  EXPECT_FALSE(limiter.admit("a", start + milliseconds(700)));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.admit("a", start + hours(1)));
  EXPECT_FALSE(limiter.admit("a", start + hours(1))) << "no more than the burst is saved up";
}

TEST(RateLimiter, SaysHowLongToWait) {
  RateLimiter limiter({.requests_per_second = 0.1, .burst = 1, .in_flight = 0});
  const auto start = RateLimiter::Clock::now();
  EXPECT_TRUE(limiter.admit("a", start));
  EXPECT_EQ(limiter.admit("a", start).error().retry_after_s, 10);
  EXPECT_EQ(limiter.admit("a", start + seconds(4)).error().retry_after_s, 6);
}

TEST(RateLimiter, BoundsWhatOnePrincipalHasInFlight) {
  RateLimiter limiter({.in_flight = 2});
  auto first = limiter.admit("a");
  const auto second = limiter.admit("a");
  EXPECT_FALSE(limiter.admit("a"));
  EXPECT_TRUE(limiter.admit("b"));
  *first = nullptr;
  EXPECT_TRUE(limiter.admit("a"));
}

TEST(RateLimiter, ForgetsWhoIsGone) {
  RateLimiter limiter({});
  for (int i = 0; i < 20'000; ++i) EXPECT_TRUE(limiter.admit(std::to_string(i)));
  EXPECT_EQ(limiter.principals(), 0U);
  RateLimiter bucket({.requests_per_second = 1, .burst = 1});
  const auto start = RateLimiter::Clock::now();
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(bucket.admit(std::to_string(i), start));
  EXPECT_FALSE(bucket.admit("one more", start));
  EXPECT_TRUE(bucket.admit("one more", start + seconds(2)));
  EXPECT_EQ(bucket.principals(), 1U);
}

HttpRequest with_cookie(const std::string& set_cookie) {
  HttpRequest request;
  request.headers.push_back({"Cookie", set_cookie.substr(0, set_cookie.find(';'))});
  return request;
}

TEST(Sessions, StandForAKeyUntilTheyEnd) {
  Sessions sessions({.secure = false});
  const std::string cookie = sessions.begin("key-1");
  EXPECT_THAT(cookie, HasSubstr("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"));
  EXPECT_THAT(cookie, Not(HasSubstr("Secure")));
  EXPECT_THAT(cookie, Not(HasSubstr("key-1")));
  EXPECT_EQ(sessions.find(with_cookie(cookie)), "key-1");
  EXPECT_EQ(sessions.find(with_cookie("warifu_session=x")), std::nullopt);
  EXPECT_EQ(sessions.find(HttpRequest{}), std::nullopt);
  EXPECT_THAT(sessions.end(with_cookie(cookie)), HasSubstr("warifu_session=; Path=/; Max-Age=0"));
  EXPECT_EQ(sessions.find(with_cookie(cookie)), std::nullopt);
}

TEST(Sessions, EndWhenNobodyUsesThem) {
  Sessions sessions({});
  const auto start = Sessions::Clock::now();
  const HttpRequest request = with_cookie(sessions.begin("key-1", start));
  EXPECT_TRUE(sessions.find(request, start + hours(11)));
  EXPECT_TRUE(sessions.find(request, start + hours(22)));
  EXPECT_FALSE(sessions.find(request, start + hours(35)));
  EXPECT_EQ(sessions.size(), 0U);
}

TEST(Sessions, AreBoundedAndEndWithTheirKey) {
  Sessions sessions({.max_sessions = 3, .secure = true});
  const auto start = Sessions::Clock::now();
  std::vector<HttpRequest> requests;
  for (int i = 0; i < 5; ++i)
    requests.push_back(with_cookie(sessions.begin(i < 4 ? "key-1" : "key-2", start + seconds(i))));
  EXPECT_EQ(sessions.size(), 3U);
  EXPECT_FALSE(sessions.find(requests[1], start + seconds(9)));
  EXPECT_TRUE(sessions.find(requests[2], start + seconds(9)));
  EXPECT_EQ(sessions.end_all("key-1"), 2U);
  EXPECT_FALSE(sessions.find(requests[3], start + seconds(9)));
  EXPECT_EQ(sessions.find(requests[4], start + seconds(9)), "key-2");
  EXPECT_THAT(sessions.begin("key"), testing::AllOf(testing::StartsWith("__Host-"), HasSubstr("; Secure")));
}

TEST(CrossSite, RequestsAreKnownByWhatBrowsersSay) {
  const auto request = [](std::vector<HttpHeader> headers) {
    HttpRequest made;
    made.method = "POST";
    made.host = "localhost:8080";
    made.headers = std::move(headers);
    return made;
  };
  EXPECT_FALSE(is_cross_site(request({}))) << "curl";
  EXPECT_FALSE(is_cross_site(request({{"Origin", "http://LOCALHOST:8080"}})));
  EXPECT_TRUE(is_cross_site(request({{"Origin", "http://localhost:9090"}})));
  EXPECT_TRUE(is_cross_site(request({{"Origin", "null"}})));
  EXPECT_TRUE(is_cross_site(request({{"Sec-Fetch-Site", "cross-site"}})));
  EXPECT_TRUE(is_cross_site(request({{"Sec-Fetch-Site", "same-site"}}))) << "another port of this host";
  EXPECT_FALSE(is_cross_site(request({{"Sec-Fetch-Site", "none"}}))) << "typed into the address bar";
  EXPECT_FALSE(is_from_our_page(request({})));
  EXPECT_FALSE(is_from_our_page(request({{"Sec-Fetch-Site", "none"}})));
  EXPECT_TRUE(is_from_our_page(request({{"Sec-Fetch-Site", "same-origin"}})));
  EXPECT_TRUE(is_from_our_page(request({{"X-Warifu", "1"}})));
  EXPECT_FALSE(is_from_our_page(request({{"X-Warifu", "1"}, {"Origin", "http://evil.example"}})));
  EXPECT_TRUE(changes_state(request({})));
}

TEST(ServiceMetrics, AreNamedAsPrometheusWantsThem) {
  ServiceMetrics metrics;
  metrics.count_request("/v1/search", "POST", 200, .004);
  metrics.count_request("", "BREW", 404, .001);
  metrics.count_search("text+image", "ok", .004);
  metrics.time_stage(SearchStage::kEncode, .003);
  metrics.count_ingested("added", 3);
  metrics.set_items("live", 12);
  metrics.set_index_bytes(96);
  metrics.set_encoder_queue(2);
  metrics.set_code_space("clip", 64, 1);
  metrics.set_code_space("clip", 64, 2);
  metrics.set_load(1, 2, 3);
  const std::string text = metrics.prometheus_text();
  for (const char* line :
       {"http_requests_total{method=\"POST\",route=\"/v1/search\",status=\"200\"} 1\n",
        "http_requests_total{method=\"other\",route=\"none\",status=\"404\"} 1\n",
        "http_request_seconds_count{route=\"/v1/search\"} 1\n",
        "search_requests_total{kind=\"text+image\",status=\"ok\"} 1\n",
        "search_stage_seconds_bucket{stage=\"encode\",le=\"0.002\"} 0\n",
        "search_stage_seconds_bucket{stage=\"encode\",le=\"0.005\"} 1\n",
        "search_stage_seconds_bucket{stage=\"scan\",le=\"+Inf\"} 0\n", "ingest_items_total{outcome=\"added\"} 3\n",
        "index_items{state=\"live\"} 12\n", "index_bytes 96\n", "encoder_queue_length 2\n", "http_requests_waiting 2\n",
        "code_space_info{bits=\"64\",encoder=\"clip\",generation=\"2\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr("generation=\"1\"")));
}

TEST(ServiceMetrics, TellLatencyInWords) {
  ServiceMetrics metrics;
  EXPECT_EQ(metrics.latency_text(), "no searches yet\n");
  for (int i = 0; i < 1234; ++i) {
    const double took = i % 100 == 99 ? .02 : .0028;
    metrics.count_search("text", "ok", took);
    metrics.time_stage(SearchStage::kEncode, took / 2);
    metrics.time_stage(SearchStage::kScan, took / 4);
  }
  EXPECT_EQ(
      metrics.latency_text(),
      "of 1,234 searches: average 3.0 ms, median about 2.5 ms, 99 of 100 within 3.0 ms; encode 50 %, scan 25 %\n");
  metrics.count_search("text", "ok", 60);
  metrics.count_request("/v1/search", "POST", 200, 7);
  EXPECT_THAT(metrics.latency_text(),
              HasSubstr("\nof 1 request to /v1/search: average 7.0 s, median over 5.0 s, 99 of 100 over 5.0 s\n"));
}

}  // namespace
}  // namespace warifu
