#include "server/http_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/problem.h"
#include "server/response_head.h"

namespace warifu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

TEST(Target, IsCutBeforeItIsDecoded) {
  const auto target = parse_target("/v1/items/a%2Fb%20c/thumbnail?w=200&q=red+shoe&empty=&flag&%E9%9D%B4=1#part");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_THAT(target->path, ElementsAre("v1", "items", "a/b c", "thumbnail"));
  EXPECT_THAT(target->query, ElementsAre(Pair("w", "200"), Pair("q", "red shoe"), Pair("empty", ""), Pair("flag", ""),
                                         Pair("靴", "1")));
}

TEST(Target, KeepsAPlusInThePath) { EXPECT_THAT(parse_target("/a+b")->path, ElementsAre("a+b")); }

TEST(Target, OfTheRootHasNoSegments) {
  EXPECT_THAT(parse_target("/")->path, ElementsAre());
  EXPECT_THAT(parse_target("/?q=1")->path, ElementsAre());
  EXPECT_THAT(parse_target("/v1/")->path, ElementsAre("v1", ""));
}

TEST(Target, MayNameTheHost) {
  const auto target = parse_target("http://example.org:8080/healthz");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->authority, "example.org:8080");
  EXPECT_THAT(target->path, ElementsAre("healthz"));
}

TEST(Target, ThatIsHostileIsRefused) {
  for (const char* text : {"", "healthz", "/%", "/%4", "/%zz", "/a%00b", "/?q=%00", "/%FF", "/%C0%AF", "/../etc/passwd",
                           "/a/%2e%2e/b", "/./a", "http://", "http:///x", "*x"})
    EXPECT_FALSE(parse_target(text)) << text;
  std::string many = "/?a";
  for (int i = 0; i < 64; ++i) many += "&a";
  EXPECT_FALSE(parse_target(many));
}

TEST(Target, EncodedComesBackTheSame) {
  const std::string id = "部品/カタログ 1%+?#&\"<>~";
  const auto target = parse_target("/" + percent_encode(id));
  ASSERT_TRUE(target);
  EXPECT_THAT(target->path, ElementsAre(id));
}

TEST(HttpRequest, FindsHeadersTokensAndCookies) {
  HttpRequest request;
  request.headers = {{"authorization", "bearer  abc"}, {"Cookie", "a=1; session=x=y; sess=2"}, {"COOKIE", "late=3"}};
  EXPECT_EQ(request.bearer_token(), "abc");
  EXPECT_EQ(request.cookie("session"), "x=y");
  EXPECT_EQ(request.cookie("sess"), "2");
  EXPECT_EQ(request.cookie("late"), "3");
  EXPECT_EQ(request.cookie("ses"), std::nullopt);
  request.headers = {{"Authorization", "Basic abc"}};
  EXPECT_EQ(request.bearer_token(), std::nullopt);
}

TEST(RequestId, IsShortAndPlain) {
  EXPECT_TRUE(is_request_id("a-B_9.x"));
  EXPECT_FALSE(is_request_id(""));
  EXPECT_FALSE(is_request_id("a b"));
  EXPECT_FALSE(is_request_id("a\r\nX: y"));
  EXPECT_TRUE(is_request_id(std::string(128, 'a')));
  EXPECT_FALSE(is_request_id(std::string(129, 'a')));
}

TEST(ResponseHead, HasTheSecurityHeadersUnlessTheRouteSetOthers) {
  const ResponseFrame frame{"id1", true, false, 0};
  const std::string plain = response_head(text_response(200, "text/plain", "hello"), frame);
  EXPECT_THAT(plain, HasSubstr("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(plain, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(plain, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(plain, HasSubstr("X-Request-Id: id1\r\n"));
  EXPECT_THAT(plain, Not(HasSubstr("Access-Control")));
  HttpResponse cached = text_response(200, "image/webp", "x");
  cached.headers.push_back({"cache-control", "private, max-age=60"});
  EXPECT_THAT(response_head(cached, frame), Not(HasSubstr("no-store")));
}

TEST(ResponseHead, CannotBeSplitByAValue) {
  HttpResponse response;
  response.headers = {{"Location", "/x\r\nSet-Cookie: evil=1"}};
  EXPECT_THAT(response_head(response, {"id", true, false, 0}), Not(HasSubstr("\nSet-Cookie")));
}

TEST(Problem, HasAStatusForEachKindOfError) {
  const auto status = [](ErrorCode code, BadFormatIs bad = BadFormatIs::kRequest) {
    return problem_of(Error{code, "m", "h"}, bad).status;
  };
  EXPECT_EQ(status(ErrorCode::kInvalidArgument), 400);
  EXPECT_EQ(status(ErrorCode::kBadFormat), 400);
  EXPECT_EQ(status(ErrorCode::kBadFormat, BadFormatIs::kContent), 422);
  EXPECT_EQ(status(ErrorCode::kPermissionDenied), 403);
  EXPECT_EQ(status(ErrorCode::kNotFound), 404);
  EXPECT_EQ(status(ErrorCode::kIncompatible), 409);
  EXPECT_EQ(status(ErrorCode::kUnavailable), 503);
  EXPECT_EQ(status(ErrorCode::kIo), 500);
  EXPECT_EQ(status(ErrorCode::kInternal), 500);
  EXPECT_EQ(problem_of(Error{ErrorCode::kIo, "/data/catalog.db: No space left on device", ""}).status, 507);
}

TEST(Problem, TellsStrangersNothingOfTheInside) {
  for (const ErrorCode code : {ErrorCode::kIo, ErrorCode::kInternal}) {
    const HttpResponse response = problem_response(Error{code, "/srv/secret/catalog.db: broken", "run it"}, "id7");
    EXPECT_THAT(response.body, Not(HasSubstr("secret")));
    EXPECT_THAT(response.body, HasSubstr("\"instance\":\"id7\""));
  }
}

TEST(Problem, IsJsonWhateverTheMessageHolds) {
  const HttpResponse response =
      problem_response(Error{ErrorCode::kNotFound, "no item '\xFF\"\n'", "list\tthem"}, "id8");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(find_header(response.headers, "content-type"), "application/problem+json");
  EXPECT_EQ(response.body,
            "{\"type\":\"urn:warifu:problem:not_found\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"no item "
            "'\xEF\xBF\xBD\\\"\\n'\",\"instance\":\"id8\",\"code\":\"not_found\",\"hint\":\"list\\tthem\"}\n");
  const HttpResponse busy = problem_response(Error{ErrorCode::kUnavailable, "busy", ""}, "id9");
  EXPECT_EQ(find_header(busy.headers, "Retry-After"), "1");
}

}  // namespace
}  // namespace warifu
