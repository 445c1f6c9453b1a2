#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"

namespace warifu {

// One thing that is not as it should be.
struct Finding {
  enum class State {
    kDamaged,   // and still so
    kRepaired,  // now; `what` says what that cost
    kAdvice,    // nothing is broken, but somebody should know
  };
  std::string place;  // file or folder
  std::string what;
  State state = State::kDamaged;
  std::string hint;  // what to do next
};

struct DoctorReport {
  std::size_t checked = 0;  // files and folders
  std::vector<Finding> findings;
  bool healthy() const;  // nothing is damaged any more
};

// Looks at everything a workspace holds: the catalog's structure, the features, the models, every byte of every code.
// With `repair`, code stores are put together again from what is intact (segments/code_store.h), damaged parts are set
// aside under other names, never removed; 'warifu index' then encodes again what was lost, which for spaces that were
// updated it cannot do for codes of earlier generations: they are named.
//
// kNotFound without a workspace, kUnavailable with `repair` while another process writes to a space. A damaged catalog
// is a finding, not an error.
Result<DoctorReport> examine(const std::filesystem::path& root, bool repair, ProgressSink& progress);

}  // namespace warifu
