#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "base/error.h"

namespace warifu {

// When a search gives up: at a point in time, or when somebody asks for it. Default-constructed: never.
struct StopCheck {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::stop_token cancelled;

  bool due() const { return cancelled.stop_requested() || (deadline && std::chrono::steady_clock::now() >= *deadline); }
  // kUnavailable once due.
  Result<void> check() const {
    if (cancelled.stop_requested()) return fail(ErrorCode::kUnavailable, "the search was cancelled");
    if (due()) return fail(ErrorCode::kUnavailable, "the search did not end before its deadline", "allow it more time");
    return {};
  }
};

}  // namespace warifu
