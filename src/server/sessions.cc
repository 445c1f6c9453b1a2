#include "server/sessions.h"

#include <sodium.h>

#include <array>

#include "base/hash.h"

namespace warifu {
namespace {

std::string random_token() {
  std::array<unsigned char, 32> bytes{};
  ::randombytes_buf(bytes.data(), bytes.size());
  std::array<char, sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)> text{};
  ::sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return text.data();
}

std::string set_cookie(std::string_view name, std::string_view value, std::chrono::seconds age, bool secure) {
  return std::string(name) + "=" + std::string(value) + "; Path=/; Max-Age=" + std::to_string(age.count()) +
         "; HttpOnly; SameSite=Strict" + (secure ? "; Secure" : "");
}

}  // namespace

// The prefix makes browsers refuse one that another host or a page without TLS has set.
std::string_view Sessions::cookie_name() const { return options_.secure ? "__Host-warifu_session" : "warifu_session"; }

std::string Sessions::begin(std::string_view key_id, Clock::time_point now) {
  const std::string token = random_token();
  const std::lock_guard lock(mutex_);
  end_the_idle(now);
  if (sessions_.size() >= options_.max_sessions) {
    auto oldest = sessions_.begin();
    for (auto each = sessions_.begin(); each != sessions_.end(); ++each)
      if (each->second.last_used < oldest->second.last_used) oldest = each;
    if (oldest != sessions_.end()) sessions_.erase(oldest);
  }
  sessions_.insert_or_assign(content_hash(token), Session{std::string(key_id), now});
  return set_cookie(cookie_name(), token, options_.idle_limit, options_.secure);
}

std::optional<std::string> Sessions::find(const HttpRequest& request, Clock::time_point now) {
  const auto token = request.cookie(cookie_name());
  if (!token) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(content_hash(*token));
  if (found == sessions_.end()) return std::nullopt;
  if (now - found->second.last_used > options_.idle_limit) {
    sessions_.erase(found);
    return std::nullopt;
  }
  found->second.last_used = now;
  return found->second.key_id;
}

std::string Sessions::end(const HttpRequest& request) {
  if (const auto token = request.cookie(cookie_name())) {
    const std::lock_guard lock(mutex_);
    sessions_.erase(content_hash(*token));
  }
  return set_cookie(cookie_name(), "", std::chrono::seconds(0), options_.secure);
}

std::size_t Sessions::end_all(std::string_view key_id) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(sessions_, [&](const auto& each) { return each.second.key_id == key_id; });
}

std::size_t Sessions::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

void Sessions::end_the_idle(Clock::time_point now) {
  std::erase_if(sessions_, [&](const auto& each) { return now - each.second.last_used > options_.idle_limit; });
}

bool changes_state(const HttpRequest& request) {
  return request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
}

bool is_cross_site(const HttpRequest& request) {
  const auto site = request.header("Sec-Fetch-Site");
  if (site) return *site != "same-origin" && *site != "none";
  const auto origin = request.header("Origin");
  if (!origin) return false;
  // Not its scheme: a proxy in front of us may speak TLS where we do not.
  const std::size_t scheme_end = origin->find("://");
  return scheme_end == std::string_view::npos || !equals_ignoring_case(origin->substr(scheme_end + 3), request.host);
}

bool is_from_our_page(const HttpRequest& request) {
  if (is_cross_site(request)) return false;
  if (const auto mark = request.header("X-Warifu"); mark && *mark == "1") return true;
  const auto site = request.header("Sec-Fetch-Site");
  return site && *site == "same-origin";
}

}  // namespace warifu
