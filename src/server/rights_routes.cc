#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "server/api_impl.h"

// Routes of who may do what and who did it: sessions, users, keys, the audit log.
namespace warifu {

using wire::Json;

namespace {

Json write_session(const Principal& principal) {
  Json scopes = Json::array();
  for (const std::string_view name : principal.scopes.names()) scopes.push_back(name);
  return {{"name", principal.name}, {"scopes", scopes}, {"groups", principal.groups}};
}

}  // namespace

HttpResponse Api::Impl::who_am_i(const HttpRequest& request, const Parameters&) {
  return json_response(200, write_session(admitted(request).principal));
}

HttpResponse Api::Impl::sign_in(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "session");
  if (!body) return problem(request, body.error());
  const auto key = wire::read_key(body->json());
  if (!key) return problem(request, key.error());
  const auto users = access_.store().any_users();
  if (!users) return problem(request, users.error());
  if (!*users) return json_response(200, write_session(local_owner()));
  const auto principal = access_.store().authenticate(*key);
  if (!principal) return problem(request, principal.error());
  if (!*principal) {
    const auto refused =
        refuse(request, nullptr, Problem{401, "unauthorized", "this key is not valid", ""}, "/v1/session");
    return *refused;
  }
  if (auto written = audit(request, **principal, "POST /v1/session", {}, 200); !written)
    return problem(request, written.error());
  HttpResponse response = json_response(200, write_session(**principal));
  response.headers.push_back({"Set-Cookie", sessions_.begin((*principal)->key_id)});
  return response;
}

HttpResponse Api::Impl::sign_out(const HttpRequest& request, const Parameters&) {
  HttpResponse response = no_content();
  response.headers.push_back({"Set-Cookie", sessions_.end(request)});
  return response;
}

HttpResponse Api::Impl::user_response(const HttpRequest& request, int status, std::string_view name) {
  const auto users = access_.store().list_users();
  if (!users) return problem(request, users.error());
  const auto found = std::ranges::find(*users, name, &User::name);
  if (found == users->end())
    return problem(request, Error{ErrorCode::kNotFound, fmt::format("no user is called '{}'", name), ""});
  return json_response(status, {{"name", found->name}, {"groups", found->groups}, {"disabled", found->disabled}});
}

HttpResponse Api::Impl::list_users(const HttpRequest& request, const Parameters&) {
  const auto users = access_.store().list_users();
  if (!users) return problem(request, users.error());
  Json list = Json::array();
  for (const User& user : *users)
    list.push_back({{"name", user.name}, {"groups", user.groups}, {"disabled", user.disabled}});
  return json_response(200, {{"users", list}});
}

HttpResponse Api::Impl::add_user(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "user");
  if (!body) return problem(request, body.error());
  const auto user = wire::read_user(body->json(), true);
  if (!user) return problem(request, user.error());
  const auto actor = Actor::of(admitted(request).principal, request.id, 201);
  if (auto made = access_.changes().create_user(actor, user->name, user->groups); !made) {
    Problem why = problem_of(made.error());
    const auto users = access_.store().list_users();
    const bool is_taken = users && std::ranges::find(*users, user->name, &User::name) != users->end();
    if (why.status == 400 && is_taken) {
      why.status = 409;
      why.code = "exists";
    }
    return problem(request, why);
  }
  return user_response(request, 201, user->name);
}

HttpResponse Api::Impl::set_groups(const HttpRequest& request, const Parameters& path) {
  const auto body = Body::read(request, "user");
  if (!body) return problem(request, body.error());
  const auto user = wire::read_user(body->json(), false);
  if (!user) return problem(request, user.error());
  const auto actor = Actor::of(admitted(request).principal, request.id, 200);
  if (auto done = access_.changes().set_groups(actor, path["name"], user->groups); !done)
    return problem(request, done.error());
  return user_response(request, 200, path["name"]);
}

HttpResponse Api::Impl::remove_user(const HttpRequest& request, const Parameters& path) {
  const auto actor = Actor::of(admitted(request).principal, request.id, 204);
  if (auto done = access_.changes().remove_user(actor, path["name"]); !done) return problem(request, done.error());
  return no_content();
}

HttpResponse Api::Impl::list_keys(const HttpRequest& request, const Parameters&) {
  const auto keys = access_.store().list_keys();
  if (!keys) return problem(request, keys.error());
  Json list = Json::array();
  for (const ApiKey& key : *keys) {
    Json scopes = Json::array();
    for (const std::string_view name : key.scopes.names()) scopes.push_back(name);
    list.push_back({{"id", key.id},
                    {"user", key.user},
                    {"scopes", scopes},
                    {"note", key.note},
                    {"created", utc_text(key.created)},
                    {"expires", key.expires ? Json(utc_text(*key.expires)) : Json()},
                    {"last_used", key.last_used ? Json(utc_text(*key.last_used)) : Json()},
                    {"revoked", key.revoked}});
  }
  return json_response(200, {{"keys", list}});
}

HttpResponse Api::Impl::make_key(const HttpRequest& request, const Parameters&) {
  const auto body = Body::read(request, "key");
  if (!body) return problem(request, body.error());
  const auto wanted = wire::read_new_key(body->json());
  if (!wanted) return problem(request, wanted.error());
  const auto scopes = parse_scopes(wanted->scopes);
  if (!scopes) return problem(request, scopes.error());
  std::optional<std::chrono::seconds> lifetime;
  if (wanted->expires_days) lifetime = std::chrono::days(*wanted->expires_days);
  const auto actor = Actor::of(admitted(request).principal, request.id, 201);
  const auto made = access_.changes().create_key(actor, wanted->user, *scopes, lifetime, wanted->note);
  if (!made) return problem(request, made.error());
  return json_response(201, {{"id", made->key.id}, {"key", made->token}});
}

HttpResponse Api::Impl::revoke_key(const HttpRequest& request, const Parameters& path) {
  const auto actor = Actor::of(admitted(request).principal, request.id, 204);
  if (auto done = access_.changes().revoke_key(actor, path["id"]); !done) return problem(request, done.error());
  sessions_.end_all(path["id"]);
  return no_content();
}

HttpResponse Api::Impl::audit_lines(const HttpRequest& request, const Parameters&) {
  if (auto known = only_known(request, {"last"}); !known) return problem(request, known.error());
  const auto last = number_of(request, "last", 100, 1, 1000);
  if (!last) return problem(request, last.error());
  const std::string head = access_.log().head();
  const auto lines = last_audit_lines_of(workspace_, *last);
  if (!lines) return problem(request, lines.error());
  Json list = Json::array();
  for (const std::string& line : *lines) {
    Json parsed = Json::parse(line, nullptr, false);
    if (parsed.is_object()) list.push_back(std::move(parsed));
  }
  return json_response(200, {{"lines", list}, {"head", head}});
}

}  // namespace warifu
