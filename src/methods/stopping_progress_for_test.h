#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/progress.h"

namespace warifu {

// Asks to stop when `steps` are done, as Ctrl-C would; keeps what it is told.
class StoppingProgress final : public ProgressSink {
 public:
  explicit StoppingProgress(std::size_t steps) : steps_(steps) {}
  void advance(std::string_view, std::size_t done, std::size_t) override { done_ = done; }
  void note(std::string_view sentence) override { notes += std::string(sentence) + "\n"; }
  bool stop_requested() const override { return done_ >= steps_; }

  std::string notes;

 private:
  std::size_t steps_;
  std::size_t done_ = 0;
};

}  // namespace warifu
