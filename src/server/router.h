#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http_message.h"
#include "server/problem.h"

namespace warifu {

// What the {…} of a route's pattern stand for in one request, decoded.
class PathParameters {
 public:
  void add(std::string name, std::string value) { values_.emplace_back(std::move(name), std::move(value)); }
  // `name` is one of the pattern's.
  const std::string& operator[](std::string_view name) const;
  bool empty() const { return values_.empty(); }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

struct HttpRoute {
  std::string method;   // "GET"; it answers HEAD too
  std::string pattern;  // "/v1/items/{id}/thumbnail": {…} is one whole segment that is not empty
  std::string scope;    // what a principal needs; empty: nothing
  std::function<HttpResponse(const HttpRequest&, const PathParameters&)> handle;
  bool fast = false;  // answered on the io thread: it must not block
};

// The table of everything the server answers. Thread safety: const calls run concurrently.
class Router {
 public:
  // Not twice the same method and pattern (an assert). Where several patterns fit, the one whose first differing
  // segment is literal wins: "/v1/items/all" before "/v1/items/{id}".
  void add(HttpRoute route);

  struct Match {
    const HttpRoute* route = nullptr;  // lives as long as the router does not change
    PathParameters parameters;
  };
  // 404, or 405 with the methods that the path has (allowed() for its Allow header).
  std::expected<Match, Problem> match(const HttpRequest& request) const;
  std::string allowed(const HttpRequest& request) const;  // "GET, HEAD, PUT"; empty: no such path
  // The answer to a request that match() refused.
  HttpResponse refusal(const HttpRequest& request, const Problem& problem) const;

  const std::vector<HttpRoute>& routes() const { return routes_; }

 private:
  struct Pattern {
    struct Segment {
      std::string text;
      bool is_parameter = false;
    };
    std::vector<Segment> segments;
  };
  std::optional<PathParameters> fit(std::size_t route, const std::vector<std::string>& path) const;

  std::vector<HttpRoute> routes_;  // literal segments before parameters
  std::vector<Pattern> patterns_;  // of routes_
};

}  // namespace warifu
