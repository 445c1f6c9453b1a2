#include "server/request_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace warifu {

std::expected<Body, Problem> Body::read(const HttpRequest& request, std::string_view json_part) {
  Body body;
  const auto type = request.header("Content-Type").value_or("");
  if (is_multipart_form(type)) {
    auto parts = parse_multipart(type, request.body);
    if (!parts) return std::unexpected(problem_of(parts.error()));
    body.parts_ = std::move(*parts);
    const std::string_view* text = body.part(json_part);
    if (text == nullptr) return body;
    return body.parse(*text);
  }
  const auto semicolon = std::min(type.find(';'), type.size());
  if (!equals_ignoring_case(type.substr(0, semicolon), "application/json"))
    return std::unexpected(Problem{415, "unsupported_media_type",
                                   fmt::format("a body of type '{}' is not taken here", type),
                                   "send application/json, or multipart/form-data where there are pictures"});
  return body.parse(request.body);
}

const std::string_view* Body::part(std::string_view name) const {
  const auto found = std::ranges::find(parts_, name, &FormPart::name);
  return found == parts_.end() ? nullptr : &found->content;
}

std::string Body::file_name(std::string_view name) const {
  const auto found = std::ranges::find(parts_, name, &FormPart::name);
  return found == parts_.end() ? "" : found->filename.value_or("");
}

std::expected<Body, Problem> Body::parse(std::string_view text) {
  auto json = wire::parse(text);
  if (!json) return std::unexpected(problem_of(json.error()));
  json_ = std::move(*json);
  return std::move(*this);
}

Result<std::size_t> number_of(const HttpRequest& request, std::string_view name, std::size_t usual, std::size_t least,
                              std::size_t most) {
  const auto text = request.query_value(name);
  if (!text) return usual;
  std::size_t value = 0;
  for (const char c : *text) {
    if (c < '0' || c > '9' || text->size() > 9)
      return fail(ErrorCode::kInvalidArgument, fmt::format("'{}={}' is not a whole number", name, *text));
    value = value * 10 + static_cast<std::size_t>(c - '0');
  }
  if (text->empty() || value < least || value > most)
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}={}' is not in {} … {}", name, *text, least, most));
  return value;
}

Result<std::optional<Filter>> filter_of(const HttpRequest& request) {
  Filter all;
  for (const auto& [name, value] : request.query) {
    if (name != "filter") continue;
    auto part = parse_condition(value);
    if (!part) return std::unexpected(part.error());
    all.parts.push_back(std::move(*part));
  }
  if (all.parts.empty()) return std::nullopt;
  return all;
}

Result<void> only_known(const HttpRequest& request, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : request.query)
    if (std::ranges::find(known, name) == known.end())
      return fail(ErrorCode::kInvalidArgument, fmt::format("there is no query parameter '{}' here", name));
  return {};
}

HttpResponse json_response(int status, const wire::Json& json) {
  return text_response(status, "application/json", wire::text_of(json) + "\n");
}

HttpResponse no_content() { return HttpResponse{204, {}, {}}; }

}  // namespace warifu
