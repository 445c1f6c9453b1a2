#pragma once

#include <cstddef>
#include <string_view>

namespace warifu {

// Where long work reports to. Rooms below cli/ never print: they call this, and cli/ (a bar on a
// terminal, a line every 5 s otherwise) or server/ (a job record) shows it.
//
// Thread safety: the worker calls it from one thread at a time.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;

  // `done` of `total` units of `stage` ("reading", "training") are finished; total 0: unknown.
  virtual void advance(std::string_view stage, std::size_t done, std::size_t total) = 0;

  // One sentence for the person watching ("validation stopped improving at epoch 31").
  virtual void note(std::string_view sentence) = 0;

  // True once the user asked to stop (Ctrl-C): finish the item, save, return kUnavailable.
  virtual bool stop_requested() const { return false; }
};

// Reports to nobody: for tests and for callers that do not watch.
class SilentProgress final : public ProgressSink {
 public:
  void advance(std::string_view, std::size_t, std::size_t) override {}
  void note(std::string_view) override {}
};

}  // namespace warifu
