#include "server/router.h"

#include <gtest/gtest.h>

namespace warifu {
namespace {

HttpRequest request_for(std::string method, std::string_view target) {
  HttpRequest request;
  request.method = std::move(method);
  request.path = parse_target(target).value().path;
  return request;
}

Router small_router() {
  const auto handle = [](const HttpRequest&, const PathParameters& parameters) {
    return text_response(200, "text/plain", parameters.empty() ? "" : parameters["id"]);
  };
  Router router;
  router.add({"GET", "/v1/items/{id}", "read", handle});
  router.add({"DELETE", "/v1/items/{id}", "write", handle});
  router.add({"GET", "/v1/items/{id}/thumbnail", "read", handle});
  router.add({"GET", "/v1/items/all", "admin", handle});
  router.add({"POST", "/v1/items:batch", "write", handle});
  router.add({"GET", "/", "", handle});
  router.add({"GET", "/healthz", "", handle, true});
  return router;
}

TEST(Router, FindsTheRouteAndItsParameters) {
  const Router router = small_router();
  const auto match = router.match(request_for("GET", "/v1/items/a%2Fb/thumbnail"));
  ASSERT_TRUE(match);
  EXPECT_EQ(match->route->pattern, "/v1/items/{id}/thumbnail");
  EXPECT_EQ(match->parameters["id"], "a/b");
  EXPECT_EQ(router.match(request_for("GET", "/"))->route->pattern, "/");
  EXPECT_TRUE(router.match(request_for("GET", "/healthz"))->route->fast);
  EXPECT_EQ(router.match(request_for("POST", "/v1/items:batch"))->route->scope, "write");
}

TEST(Router, PrefersLiteralSegments) {
  EXPECT_EQ(small_router().match(request_for("GET", "/v1/items/all"))->route->scope, "admin");
  EXPECT_EQ(small_router().match(request_for("DELETE", "/v1/items/all"))->parameters["id"], "all");
}

TEST(Router, AnswersHeadWhereThereIsGet) {
  EXPECT_TRUE(small_router().match(request_for("HEAD", "/v1/items/a")));
  EXPECT_FALSE(small_router().match(request_for("HEAD", "/v1/items:batch")));
}

TEST(Router, TellsAnUnknownPathFromAnUnknownMethod) {
  const Router router = small_router();
  for (const char* path :
       {"/v1", "/v1/items", "/v1/items/", "/v1//thumbnail", "/healthz/", "/V1/items/a", "/v1/items/a/b"})
    EXPECT_EQ(router.match(request_for("GET", path)).error().status, 404) << path;
  for (const char* method : {"OPTIONS", "PATCH", "get", "BREW"}) {
    const HttpRequest request = request_for(method, "/v1/items/a");
    const auto match = router.match(request);
    ASSERT_FALSE(match) << method;
    EXPECT_EQ(match.error().status, 405);
    EXPECT_EQ(find_header(router.refusal(request, match.error()).headers, "Allow"), "DELETE, GET, HEAD");
  }
}

}  // namespace
}  // namespace warifu
