#include "server/rate_limit.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <unordered_map>

namespace warifu {
namespace {

constexpr std::size_t kMaxPrincipals = 10'000;

}  // namespace

struct RateLimiter::State {
  struct Principal {
    double tokens = 0;
    Clock::time_point filled;  // tokens are those of this moment
    std::size_t in_flight = 0;
  };

  RateLimitOptions options;
  mutable std::mutex mutex;
  std::unordered_map<std::string, Principal> principals;

  double tokens_at(const Principal& principal, Clock::time_point now) const {
    const double passed = std::max(0.0, std::chrono::duration<double>(now - principal.filled).count());
    return std::min(options.burst, principal.tokens + passed * options.requests_per_second);
  }
  // Forgets whom it would treat as new anyway.
  void forget_the_idle(Clock::time_point now) {
    std::erase_if(principals, [&](const auto& each) {
      return each.second.in_flight == 0 &&
             (options.requests_per_second <= 0 || tokens_at(each.second, now) >= options.burst);
    });
  }
};

RateLimiter::RateLimiter(const RateLimitOptions& options) : state_(std::make_shared<State>()) {
  state_->options = options;
  state_->options.burst = std::max(1.0, options.burst);
}
RateLimiter::~RateLimiter() = default;

std::expected<RateLimiter::Admission, Problem> RateLimiter::admit(std::string_view principal, Clock::time_point now) {
  const RateLimitOptions& options = state_->options;
  std::string name(principal);
  const std::lock_guard lock(state_->mutex);
  auto place = state_->principals.find(name);
  if (place == state_->principals.end()) {
    if (state_->principals.size() >= kMaxPrincipals) state_->forget_the_idle(now);
    if (state_->principals.size() >= kMaxPrincipals)
      return std::unexpected(Problem{429, "too_many_requests", "too many clients at once", "try again later", 10});
    place = state_->principals.emplace(name, State::Principal{options.burst, now, 0}).first;
  }
  State::Principal& each = place->second;
  if (options.in_flight > 0 && each.in_flight >= options.in_flight)
    return std::unexpected(Problem{429, "too_many_requests",
                                   std::to_string(each.in_flight) +
                                       " of your requests are being answered, which is as many "
                                       "as one client may have",
                                   "wait for an answer before you ask again", 1});
  if (options.requests_per_second > 0) {
    each.tokens = state_->tokens_at(each, now);
    each.filled = std::max(each.filled, now);
    if (each.tokens < 1) {
      const double wait_s = std::min(3600.0, std::ceil((1 - each.tokens) / options.requests_per_second));
      return std::unexpected(Problem{429, "too_many_requests", "you ask more often than this server lets one client",
                                     "wait as long as Retry-After says", std::max(1, static_cast<int>(wait_s))});
    }
    each.tokens -= 1;
  }
  ++each.in_flight;
  return Admission(static_cast<const void*>(state_.get()), [state = state_, name = std::move(name)](const void*) {
    const std::lock_guard ended(state->mutex);
    const auto found = state->principals.find(name);
    if (found == state->principals.end()) return;
    --found->second.in_flight;
    // Without a bucket there is nothing to remember of somebody who asks nothing.
    if (found->second.in_flight == 0 && state->options.requests_per_second <= 0) state->principals.erase(found);
  });
}

std::size_t RateLimiter::principals() const {
  const std::lock_guard lock(state_->mutex);
  return state_->principals.size();
}

}  // namespace warifu
