#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "server/problem.h"

namespace warifu {

struct RateLimitOptions {
  double requests_per_second = 0;  // of one principal, in the long run; 0: as many as it likes
  double burst = 20;               // that it may have saved up; >= 1
  std::size_t in_flight = 64;      // of one principal at a time; 0: as many as it likes
};

// How much one principal (a key, or an address where nobody has keys) may ask of the server: a token bucket, and a
// number of requests at a time, so that no single one takes all workers. Memory follows the number of principals that
// asked in the last minutes, and is bounded. Thread safety: any.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;
  explicit RateLimiter(const RateLimitOptions& options);
  ~RateLimiter();
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  // A request that was let in, until it is destroyed (copies are the same one); may outlive the limiter.
  using Admission = std::shared_ptr<const void>;
  // 429 with Retry-After, which says when a request would be let in by the bucket.
  std::expected<Admission, Problem> admit(std::string_view principal, Clock::time_point now = Clock::now());

  std::size_t principals() const;  // that are remembered

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace warifu
