#include "server/api_impl.h"

// Routes of what is served: code spaces, jobs, measurements, the collection, health, metrics.
namespace warifu {

using wire::Json;

HttpResponse Api::Impl::spaces(const HttpRequest& request, const Parameters&) {
  const auto spaces = service().spaces(admitted(request).principal);
  if (!spaces) return problem(request, spaces.error());
  Json list = Json::array();
  for (const ServiceSpace& space : *spaces) list.push_back(wire::write(space));
  return json_response(200, {{"spaces", list}});
}

HttpResponse Api::Impl::status(const HttpRequest& request, const Parameters&) {
  const Principal& principal = admitted(request).principal;
  const auto counts = service().counts(principal);
  if (!counts) return problem(request, counts.error());
  const CodeSpace& space = service().space();
  Json json = {{"items", counts->items}, {"space", space.name}, {"bits", space.bits}, {"version", options_.version}};
  if (principal.sees_everything) {
    json["pending"] = counts->pending;
    json["codes"] = counts->codes;
    json["code_bytes"] = counts->code_bytes;
  }
  return json_response(200, json);
}

HttpResponse Api::Impl::latency(const HttpRequest&, const Parameters&) {
  return text_response(200, "text/plain; charset=utf-8", metrics_.latency_text());
}

Json Api::Impl::write_job(const Job& job, const HttpRequest& request) const {
  Json json = wire::write(job);
  if (job.error) json["problem"] = Json::parse(problem_response(problem_of(*job.error), request.id).body);
  return json;
}

HttpResponse Api::Impl::list_jobs(const HttpRequest& request, const Parameters&) {
  const auto jobs = service().jobs(admitted(request).principal);
  if (!jobs) return problem(request, jobs.error());
  Json list = Json::array();
  for (const Job& job : *jobs) list.push_back(write_job(job, request));
  return json_response(200, {{"jobs", list}});
}

HttpResponse Api::Impl::start_job(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "job");
  if (!body) return problem(request, body.error());
  const auto wanted = wire::read_job(body->json());
  if (!wanted) return problem(request, wanted.error());
  const auto job = service().start_job(admitted(request).principal, wanted->kind, wanted->arguments);
  if (!job) return problem(request, job.error());
  HttpResponse response = json_response(202, write_job(*job, request));
  response.headers.push_back({"Location", "/v1/jobs/" + job->id});
  return response;
}

HttpResponse Api::Impl::get_job(const HttpRequest& request, const Parameters& path) {
  const auto job = service().job(admitted(request).principal, path["id"]);
  if (!job) return problem(request, job.error());
  return json_response(200, write_job(*job, request));
}

HttpResponse Api::Impl::cancel_job(const HttpRequest& request, const Parameters& path) {
  if (auto done = service().cancel_job(admitted(request).principal, path["id"]); !done)
    return problem(request, done.error());
  return no_content();
}

HttpResponse Api::Impl::evaluations(const HttpRequest& request, const Parameters&) {
  const auto kept = service().evaluations(admitted(request).principal);
  if (!kept) return problem(request, kept.error());
  return json_response(200, {{"evaluations", *kept}});
}

HttpResponse Api::Impl::collection(const HttpRequest& request, const Parameters&) {
  const auto collection = service().collection(admitted(request).principal);
  if (!collection) return problem(request, collection.error());
  return json_response(200, wire::write(*collection));
}

HttpResponse Api::Impl::rejections(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"limit"}); !known) return problem(request, known.error());
  const auto limit = number_of(request, "limit", 100, 1, 1000);
  if (!limit) return problem(request, limit.error());
  const auto rejections = service().rejections(admitted(request).principal, *limit);
  if (!rejections) return problem(request, rejections.error());
  Json list = Json::array();
  for (const Rejection& one : *rejections)
    list.push_back({{"place", one.place}, {"reason", one.reason}, {"hint", one.hint}});
  return json_response(200, {{"rejections", list}});
}

HttpResponse Api::Impl::health(const HttpRequest&, const Parameters&) {
  return text_response(200, "text/plain; charset=utf-8", "ok\n");
}

HttpResponse Api::Impl::readiness(const HttpRequest& request, const Parameters&) {
  Service* const service = service_;
  if (service == nullptr)
    return problem(request, Problem{503, "starting", "the model is being loaded", "ask again", 2});
  if (auto ready = service->ready(); !ready) {
    Problem why = problem_of(ready.error());
    why.status = 503;
    why.retry_after_s = 5;
    return problem(request, why);
  }
  return text_response(200, "text/plain; charset=utf-8", "ready\n");
}

HttpResponse Api::Impl::metrics(const HttpRequest&, const Parameters&) {
  if (Service* const service = service_; service != nullptr) {
    if (const auto counts = service->counts(local_owner())) {
      metrics_.set_items("live", counts->items);
      metrics_.set_items("pending", counts->pending);
      metrics_.set_index_bytes(counts->code_bytes);
    }
    metrics_.set_encoder_queue(service->encoder_queue_length());
    const CodeSpace& space = service->space();
    metrics_.set_code_space(space.name, space.bits, space.generation);
  }
  if (load_) {
    const HttpServerLoad load = load_();
    metrics_.set_load(load.connections, load.waiting, load.running);
  }
  return text_response(200, "text/plain; version=0.0.4; charset=utf-8", metrics_.prometheus_text());
}

}  // namespace warifu
