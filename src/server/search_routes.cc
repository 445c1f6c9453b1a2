#include <chrono>

#include "server/api_impl.h"

// Routes that answer queries, and that take what people say of the answers.
namespace warifu {

using wire::Json;

namespace {

std::string_view kind_of(const ServiceQuery& query) {
  if (query.like) return "like";
  if (query.text && query.picture) return "text+image";
  return query.picture ? "image" : "text";
}

}  // namespace

HttpResponse Api::Impl::answer(const HttpRequest& request, ServiceQuery query) {
  const auto started = std::chrono::steady_clock::now();
  const std::string_view kind = kind_of(query);
  const std::size_t next = query.offset + query.limit;
  const auto found = service().search(admitted(request).principal, query);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (!found) {
    metrics_.count_search(kind, problem_of(found.error(), BadFormatIs::kContent).code, seconds);
    return problem(request, found.error(), BadFormatIs::kContent);
  }
  metrics_.count_search(kind, "ok", seconds);
  return json_response(200, wire::write(*found, next));
}

HttpResponse Api::Impl::search(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {}); !known) return problem(request, known.error());
  const auto body = Body::read(request, "query");
  if (!body) return problem(request, body.error());
  auto query = wire::read_query(body->json(), body->part("image"));
  if (!query) return problem(request, query.error());
  return answer(request, std::move(*query));
}

HttpResponse Api::Impl::search_by_words(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"text", "limit", "cursor", "find", "filter"}); !known)
    return problem(request, known.error());
  Json json = Json::object();
  for (const char* name : {"text", "cursor", "find"})
    if (const auto value = request.query_value(name)) json[name] = *value;
  auto query = wire::read_query(json, nullptr);
  if (!query) return problem(request, query.error());
  const auto limit = number_of(request, "limit", query->limit, 1, 1000);
  if (!limit) return problem(request, limit.error());
  query->limit = *limit;
  auto filter = filter_of(request);
  if (!filter) return problem(request, filter.error());
  query->filter = std::move(*filter);
  return answer(request, std::move(*query));
}

HttpResponse Api::Impl::suggest(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"prefix", "limit"}); !known) return problem(request, known.error());
  const auto limit = number_of(request, "limit", 10, 1, 100);
  if (!limit) return problem(request, limit.error());
  const auto prefix = request.query_value("prefix").value_or("");
  if (prefix.empty())
    return problem(request, Error{ErrorCode::kInvalidArgument, "'prefix' is empty", "type something"});
  const auto found = service().suggest(admitted(request).principal, prefix, *limit);
  if (!found) return problem(request, found.error());
  Json list = Json::array();
  for (const Suggestion& one : *found)
    list.push_back({{"column", one.column}, {"value", one.value}, {"items", one.items}});
  return json_response(200, {{"suggestions", list}});
}

HttpResponse Api::Impl::label_columns(const HttpRequest& request, const Parameters&) {
  const auto columns = service().label_columns(admitted(request).principal);
  if (!columns) return problem(request, columns.error());
  return json_response(200, {{"columns", *columns}});
}

HttpResponse Api::Impl::label_values(const HttpRequest& request, const Parameters& path) {
  const auto values = service().count_values(admitted(request).principal, path["column"]);
  if (!values) return problem(request, values.error());
  Json list = Json::array();
  for (const ValueCount& one : *values) list.push_back({{"value", one.value}, {"items", one.items}});
  return json_response(200, {{"column", path["column"]}, {"values", list}});
}

HttpResponse Api::Impl::encode(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "query");
  if (!body) return problem(request, body.error());
  const auto content = wire::read_content(body->json(), body->part("image"));
  if (!content) return problem(request, content.error());
  const auto encoded = service().encode(admitted(request).principal, content->text, content->picture);
  if (!encoded) return problem(request, encoded.error(), BadFormatIs::kContent);
  return json_response(200, wire::write(*encoded));
}

HttpResponse Api::Impl::explain(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {}); !known) return problem(request, known.error());
  const auto body = Body::read(request, "query");
  if (!body) return problem(request, body.error());
  const auto asked = wire::read_explain(body->json(), body->part("image"));
  if (!asked) return problem(request, asked.error());
  const auto explanation = service().explain(admitted(request).principal, asked->query);
  if (!explanation) return problem(request, explanation.error(), BadFormatIs::kContent);
  return json_response(200, wire::write(*explanation, asked->language));
}

HttpResponse Api::Impl::judge(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {}); !known) return problem(request, known.error());
  const auto body = Body::read(request, "feedback");
  if (!body) return problem(request, body.error());
  const auto wanted = wire::read_feedback(body->json(), body->part("image"));
  if (!wanted) return problem(request, wanted.error());
  admitted(request).changed_items.push_back(wanted->item);
  const auto query = service().judge(admitted(request).principal, *wanted);
  if (!query) return problem(request, query.error(), BadFormatIs::kContent);
  return json_response(
      201, {{"query", *query}, {"id", wanted->item}, {"right", wanted->right ? Json(*wanted->right) : Json()}});
}

HttpResponse Api::Impl::feedback(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"limit"}); !known) return problem(request, known.error());
  const auto limit = number_of(request, "limit", 100, 1, 1000);
  if (!limit) return problem(request, limit.error());
  const auto feedback = service().feedback(admitted(request).principal, *limit);
  if (!feedback) return problem(request, feedback.error());
  return json_response(200, wire::write(*feedback));
}

}  // namespace warifu
