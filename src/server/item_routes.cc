#include <algorithm>

#include "server/api_impl.h"

// Routes of items: scopes read and write.
namespace warifu {

using wire::Json;

HttpResponse Api::Impl::list_items(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"limit", "cursor", "filter"}); !known) return problem(request, known.error());
  const auto limit = number_of(request, "limit", 100, 1, 1000);
  if (!limit) return problem(request, limit.error());
  const auto filter = filter_of(request);
  if (!filter) return problem(request, filter.error());
  std::string after;
  if (const auto cursor = request.query_value("cursor")) {
    auto place = wire::read_cursor(*cursor);
    if (!place) return problem(request, place.error());
    after = std::move(*place);
  }
  const Principal& principal = admitted(request).principal;
  auto items = service().items(principal, after, *limit + 1, *filter);
  if (!items) return problem(request, items.error());
  const bool more = items->size() > *limit;
  if (more) items->resize(*limit);
  Json list = Json::array();
  for (const Item& item : *items)
    list.push_back(wire::write(item, service().picture_uri(item), principal.sees_everything));
  Json json = {{"items", std::move(list)}};
  if (more) json["cursor"] = wire::write_cursor(items->back().id);
  return json_response(200, json);
}

HttpResponse Api::Impl::get_item(const HttpRequest& request, const Parameters& path) {
  const Principal& principal = admitted(request).principal;
  const auto item = service().item(principal, path["id"]);
  if (!item) return problem(request, item.error());
  return json_response(200, wire::write(*item, service().picture_uri(*item), principal.sees_everything));
}

HttpResponse Api::Impl::put_item(const HttpRequest& request, const Parameters& path) {
  const auto body = Body::read(request, "item");
  if (!body) return problem(request, body.error());
  auto item = wire::read_item(body->json(), path["id"], [&](std::string_view name) { return body->part(name); });
  if (!item) return problem(request, item.error());
  if (item->picture && item->picture_name.empty()) item->picture_name = body->file_name("image");
  std::vector<NewItem> items;
  items.push_back(std::move(*item));
  const auto written = service().put(admitted(request).principal, std::move(items), /*replace=*/true);
  if (!written) return problem(request, written.error());
  const WriteOutcome& outcome = written->front();
  metrics_.count_ingested(outcome.error ? "rejected" : wire::outcome_name(outcome.stored), 1);
  if (outcome.error) return problem(request, *outcome.error, BadFormatIs::kContent);
  return json_response(outcome.stored == Stored::kAdded ? 201 : 200, wire::write(outcome));
}

HttpResponse Api::Impl::delete_item(const HttpRequest& request, const Parameters& path) {
  if (auto removed = service().remove(admitted(request).principal, path["id"]); !removed)
    return problem(request, removed.error());
  metrics_.count_ingested("removed", 1);
  return no_content();
}

HttpResponse Api::Impl::put_items(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "items");
  if (!body) return problem(request, body.error());
  std::vector<std::string> ids;
  auto batch = wire::read_batch(
      body->json(), [&](std::string_view name) { return body->part(name); }, ids);
  if (!batch) return problem(request, batch.error());
  std::vector<NewItem> items;
  std::vector<std::size_t> places;
  std::vector<std::optional<Error>> errors(batch->size());
  std::vector<std::string> outcomes(batch->size());
  for (std::size_t i = 0; i < batch->size(); ++i) {
    if (!(*batch)[i]) {
      errors[i] = (*batch)[i].error();
      continue;
    }
    items.push_back(std::move(*(*batch)[i]));
    places.push_back(i);
  }
  if (!items.empty()) {
    const auto written = service().put(admitted(request).principal, std::move(items), /*replace=*/true);
    if (!written) return problem(request, written.error());
    for (std::size_t i = 0; i < places.size(); ++i) {
      errors[places[i]] = (*written)[i].error;
      outcomes[places[i]] = wire::outcome_name((*written)[i].stored);
    }
  }
  Json results = Json::array();
  std::size_t failed = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Json result = {{"id", ids[i]}};
    if (errors[i]) {
      ++failed;
      const Problem why = problem_of(*errors[i], BadFormatIs::kContent);
      result["status"] = why.status;
      result["problem"] = Json::parse(problem_response(why, request.id).body);
    } else {
      result["status"] = outcomes[i] == "added" ? 201 : 200;
      result["outcome"] = outcomes[i];
      admitted(request).changed_items.push_back(ids[i]);
      metrics_.count_ingested(outcomes[i], 1);
    }
    results.push_back(std::move(result));
  }
  metrics_.count_ingested("rejected", failed);
  return json_response(207, {{"results", results}, {"stored", ids.size() - failed}, {"failed", failed}});
}

HttpResponse Api::Impl::thumbnail(const HttpRequest& request, const Parameters& path) {
  const auto width = number_of(request, "w", 256, 16, 2048);
  if (!width) return problem(request, width.error());
  const auto found = service().thumbnail(admitted(request).principal, path["id"], static_cast<int>(*width));
  if (!found) return problem(request, found.error(), BadFormatIs::kContent);
  const std::string tag = "\"" + found->tag + "\"";
  // Asked for again each time: the right to see it may be gone.
  const std::vector<HttpHeader> headers = {{"ETag", tag}, {"Cache-Control", "private, no-cache"}};
  if (const auto known = request.header("If-None-Match"); known && known->find(tag) != std::string_view::npos)
    return HttpResponse{304, headers, {}};
  HttpResponse response{200, headers,
                        std::string(reinterpret_cast<const char*>(found->bytes.data()), found->bytes.size())};
  response.headers.push_back({"Content-Type", found->content_type});
  return response;
}

HttpResponse Api::Impl::count(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"filter"}); !known) return problem(request, known.error());
  const auto filter = filter_of(request);
  if (!filter) return problem(request, filter.error());
  const auto items = service().count(admitted(request).principal, *filter);
  if (!items) return problem(request, items.error());
  return json_response(200, {{"items", *items}});
}

}  // namespace warifu
