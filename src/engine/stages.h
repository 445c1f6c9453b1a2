#pragma once

#include <chrono>
#include <functional>
#include <string_view>

namespace warifu {

// The stages of a request, for the histogram search_stage_seconds.
enum class Stage { kDecode, kEncode, kScan, kWords, kFuse, kRerank, kFilter, kThumbnail };
std::string_view stage_name(Stage stage);  // "decode", "encode", "scan", "words", "fuse", "rerank", "filter", "thumb"

// Told once each time that a stage was passed, from any thread.
using StageObserver = std::function<void(Stage, double seconds)>;

// Tells the time from its construction to its destruction.
class StageClock {
 public:
  StageClock(const StageObserver& observer, Stage stage)
      : observer_(observer), stage_(stage), started_(std::chrono::steady_clock::now()) {}
  StageClock(const StageClock&) = delete;
  StageClock& operator=(const StageClock&) = delete;
  ~StageClock() {
    if (observer_)
      observer_(stage_, std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());
  }

 private:
  const StageObserver& observer_;
  Stage stage_;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace warifu
