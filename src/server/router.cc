#include "server/router.h"

#include <algorithm>
#include <cassert>

namespace warifu {

const std::string& PathParameters::operator[](std::string_view name) const {
  for (const auto& [key, value] : values_)
    if (key == name) return value;
  assert(false && "no such parameter in the route's pattern");
  static const std::string none;
  return none;
}

void Router::add(HttpRoute route) {
  assert(route.pattern.starts_with('/') && route.handle);
  Pattern pattern;
  std::string_view rest = std::string_view(route.pattern).substr(1);
  while (!rest.empty()) {
    std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), segment.size() + 1));
    const bool is_parameter = segment.starts_with('{') && segment.ends_with('}');
    if (is_parameter) segment = segment.substr(1, segment.size() - 2);
    pattern.segments.push_back({std::string(segment), is_parameter});
  }
  const auto before = [](const Pattern& a, const Pattern& b) {
    return std::ranges::lexicographical_compare(a.segments, b.segments,
                                                [](const Pattern::Segment& x, const Pattern::Segment& y) {
                                                  if (x.is_parameter != y.is_parameter) return y.is_parameter;
                                                  return !x.is_parameter && x.text < y.text;
                                                });
  };
  const auto place = std::ranges::upper_bound(patterns_, pattern, before);
  const auto index = place - patterns_.begin();
  for (std::size_t i = 0; i < routes_.size(); ++i)
    assert(routes_[i].method != route.method || before(patterns_[i], pattern) || before(pattern, patterns_[i]));
  patterns_.insert(place, std::move(pattern));
  routes_.insert(routes_.begin() + index, std::move(route));
}

std::optional<PathParameters> Router::fit(std::size_t route, const std::vector<std::string>& path) const {
  const auto& segments = patterns_[route].segments;
  if (segments.size() != path.size()) return std::nullopt;
  PathParameters parameters;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!segments[i].is_parameter) {
      if (segments[i].text != path[i]) return std::nullopt;
      continue;
    }
    if (path[i].empty()) return std::nullopt;
    parameters.add(segments[i].text, path[i]);
  }
  return parameters;
}

std::expected<Router::Match, Problem> Router::match(const HttpRequest& request) const {
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].method != method) continue;
    if (auto parameters = fit(i, request.path)) return Match{&routes_[i], std::move(*parameters)};
  }
  const std::string methods = allowed(request);
  if (methods.empty())
    return std::unexpected(Problem{404, "not_found", "there is nothing at this address",
                                   "/openapi.json lists every address that answers"});
  return std::unexpected(
      Problem{405, "method_not_allowed", "this address does not answer " + request.method, "it answers " + methods});
}

std::string Router::allowed(const HttpRequest& request) const {
  std::vector<std::string> methods;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!fit(i, request.path)) continue;
    methods.push_back(routes_[i].method);
    if (routes_[i].method == "GET") methods.emplace_back("HEAD");
  }
  std::ranges::sort(methods);
  methods.erase(std::ranges::unique(methods).begin(), methods.end());
  std::string joined;
  for (const std::string& method : methods) joined += (joined.empty() ? "" : ", ") + method;
  return joined;
}

HttpResponse Router::refusal(const HttpRequest& request, const Problem& problem) const {
  HttpResponse response = problem_response(problem, request.id);
  if (problem.status == 405) response.headers.push_back({"Allow", allowed(request)});
  return response;
}

}  // namespace warifu
