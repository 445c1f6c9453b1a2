#include "cli/terminal_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "cli/output.h"

namespace warifu {
namespace {

constexpr int kInterrupted = 130;
constexpr auto kBarEvery = std::chrono::milliseconds(100);
constexpr auto kLineEvery = std::chrono::seconds(5);

volatile std::sig_atomic_t interrupts = 0;

void on_interrupt(int) {
  interrupts = interrupts + 1;
  if (interrupts > 1) ::_exit(kInterrupted);
}

}  // namespace

Result<ProgressForm> parse_progress(std::string_view name) {
  if (name == "auto" || name.empty()) return ProgressForm::kAuto;
  if (name == "bar") return ProgressForm::kBar;
  if (name == "lines") return ProgressForm::kLines;
  if (name == "jsonl") return ProgressForm::kJsonl;
  if (name == "none") return ProgressForm::kNone;
  return fail(ErrorCode::kInvalidArgument, "no progress form is called '" + std::string(name) + "'",
              "use auto, bar, lines, jsonl or none");
}

TerminalProgress::TerminalProgress(ProgressForm form) : form_(form) {
  if (form_ == ProgressForm::kAuto) form_ = ::isatty(STDERR_FILENO) ? ProgressForm::kBar : ProgressForm::kLines;
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
}

TerminalProgress::~TerminalProgress() { clear_bar(); }

bool TerminalProgress::stop_requested() const { return interrupts > 0; }

void TerminalProgress::advance(std::string_view stage, std::size_t done, std::size_t total) {
  const auto now = Clock::now();
  const bool new_stage = stage != stage_;
  if (new_stage) {
    clear_bar();
    stage_ = stage;
    stage_started_ = now;
    last_shown_ = now;
    first_done_ = done;
  }
  const bool finished = total > 0 && done >= total;
  const auto every = form_ == ProgressForm::kBar ? Clock::duration(kBarEvery) : Clock::duration(kLineEvery);
  if (!finished && !(new_stage && form_ == ProgressForm::kBar) && now - last_shown_ < every) return;
  last_shown_ = now;
  const double spent = std::chrono::duration<double>(now - stage_started_).count();
  const double left = done > first_done_ && total > done
                          ? spent * static_cast<double>(total - done) / static_cast<double>(done - first_done_)
                          : 0;
  draw(done, total, left);
}

void TerminalProgress::draw(std::size_t done, std::size_t total, double left_seconds) {
  switch (form_) {
    case ProgressForm::kNone:
    case ProgressForm::kAuto:
      return;
    case ProgressForm::kJsonl: {
      const Json line{
          {"type", "progress"}, {"stage", stage_}, {"done", done}, {"total", total}, {"eta_seconds", left_seconds}};
      fmt::print(stderr, "{}\n", json_text(line, -1));
      return;
    }
    case ProgressForm::kLines:
      if (total > 0) {
        fmt::print(stderr, "{}: {} of {}{}\n", stage_, count_text(done), count_text(total),
                   done < total ? ", " + seconds_text(left_seconds) + " left" : "");
      } else {
        fmt::print(stderr, "{}: {}\n", stage_, count_text(done));
      }
      return;
    case ProgressForm::kBar: {
      constexpr std::size_t kWidth = 30;
      const std::size_t filled = total > 0 ? std::min(kWidth, kWidth * done / total) : 0;
      const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
      fmt::print(stderr, "\r\033[K{:<18} [{}] {}/{}{}", stage_, bar, count_text(done),
                 total > 0 ? count_text(total) : "?",
                 left_seconds > 0 ? "  " + seconds_text(left_seconds) + " left" : "");
      std::fflush(stderr);
      bar_on_screen_ = true;
      if (total > 0 && done >= total) clear_bar();
    }
  }
}

void TerminalProgress::clear_bar() {
  if (!bar_on_screen_) return;
  fmt::print(stderr, "\n");
  bar_on_screen_ = false;
}

void TerminalProgress::note(std::string_view sentence) {
  if (form_ == ProgressForm::kNone) return;
  clear_bar();
  if (form_ == ProgressForm::kJsonl) {
    fmt::print(stderr, "{}\n", json_text(Json{{"type", "note"}, {"text", sentence}}, -1));
  } else {
    fmt::print(stderr, "{}\n", sentence);
  }
}

}  // namespace warifu
