#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/http_message.h"

namespace warifu {

struct SessionOptions {
  std::chrono::seconds idle_limit{12 * 3600};
  std::size_t max_sessions = 1000;  // beyond: the one that idles longest ends
  bool secure = false;              // the server speaks TLS
};

// Who has signed in with the page: a random token in a cookie stands for the id of a key. They live in memory and end
// with the server. The tokens themselves are not kept, only their hashes. Thread safety: any.
class Sessions {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Sessions(SessionOptions options) : options_(options) {}

  // The value of the Set-Cookie header that begins a session: HttpOnly, SameSite=Strict, Secure under TLS.
  std::string begin(std::string_view key_id, Clock::time_point now = Clock::now());
  // The key id that the request's cookie stands for; nothing: no cookie, or not (any longer) one of ours.
  std::optional<std::string> find(const HttpRequest& request, Clock::time_point now = Clock::now());
  std::string end(const HttpRequest& request);   // the Set-Cookie header that removes the cookie
  std::size_t end_all(std::string_view key_id);  // the key was revoked; how many sessions there were
  std::size_t size() const;

  std::string_view cookie_name() const;

 private:
  struct Session {
    std::string key_id;
    Clock::time_point last_used;
  };
  void end_the_idle(Clock::time_point now);

  const SessionOptions options_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Session> sessions_;  // by hash of the token
};

// GET, HEAD and OPTIONS only read.
bool changes_state(const HttpRequest& request);

// Whether a browser says that the page of somebody else sent this: Sec-Fetch-Site is neither same-origin nor none, or
// where it does not say, Origin is another than the host. Programs that are no browsers say neither. A server that asks
// nobody who they are must refuse such requests if they change state: the browser of a visitor inside reaches what its
// page outside does not.
bool is_cross_site(const HttpRequest& request);

// Whether a request that changes state may count on the cookie alone: our page sends "X-Warifu: 1", which no form and
// no foreign page can, or the browser says that it comes from our page.
bool is_from_our_page(const HttpRequest& request);

}  // namespace warifu
