#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "cli/flags.h"
#include "cli/output.h"

namespace warifu {

// What every verb is given.
struct Invocation {
  std::string version;  // of this program
  std::string workspace = "warifu-workspace";
  std::string output;  // --output as typed
  ProgressSink* progress = nullptr;
};

// One verb of the command line: declares its flags, then translates them into one call of engine/ and the
// answer into lines. No decisions of its own.
class Verb {
 public:
  virtual ~Verb() = default;
  virtual void declare(Flags& flags) = 0;
  // Status 0, or 1 where the verb's help says so ("nothing found"). Errors become sysexits statuses.
  virtual Result<int> run(const Invocation& invocation) = 0;
  // Whether it runs until it is told to stop, and that is no interruption: status 0 then, not 130.
  virtual bool runs_until_stopped() const { return false; }
};

struct VerbEntry {
  std::string_view name;
  std::string_view group;     // heading in --help
  std::string_view sentence;  // what it does
  std::string_view examples;  // two lines to copy
  std::unique_ptr<Verb> (*make)();
};

// All verbs in the order of --help. To add one: write foo_verb.cc with its make_foo_verb(), then one
// line in verbs.cc.
std::span<const VerbEntry> verbs();

}  // namespace warifu
