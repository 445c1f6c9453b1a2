#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/progress.h"

namespace warifu {

enum class ProgressForm { kAuto, kBar, kLines, kJsonl, kNone };

// "auto", "bar", "lines", "jsonl", "none"; kInvalidArgument otherwise.
Result<ProgressForm> parse_progress(std::string_view name);

// Shows progress on standard error: a bar with the time left on a terminal, a line every 5 seconds
// otherwise, JSON Lines for machines. Ctrl-C once asks the work to stop at a good place; a second
// Ctrl-C ends the process at once with status 130.
class TerminalProgress final : public ProgressSink {
 public:
  explicit TerminalProgress(ProgressForm form);  // installs the Ctrl-C handler
  ~TerminalProgress() override;

  void advance(std::string_view stage, std::size_t done, std::size_t total) override;
  void note(std::string_view sentence) override;
  bool stop_requested() const override;

 private:
  using Clock = std::chrono::steady_clock;
  void draw(std::size_t done, std::size_t total, double left_seconds);
  void clear_bar();

  ProgressForm form_;
  std::string stage_;
  Clock::time_point stage_started_;
  Clock::time_point last_shown_;
  std::size_t first_done_ = 0;
  bool bar_on_screen_ = false;
};

}  // namespace warifu
