#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "codes/code_space.h"
#include "segments/store_folder.h"

namespace warifu {

struct StoreReport {
  std::vector<std::string> problems;  // empty: everything is intact. Each names its file
  std::vector<std::string> losses;    // of a repair: what was acknowledged and is not there any more
  std::vector<std::string> notes;     // what a crash left: no problem, but somebody may miss something
  std::size_t segments = 0;           // intact ones
  std::size_t codes = 0;              // live, in intact segments and in the log
  std::size_t changes = 0;            // intact ones in the log
};

// Reads every byte of a code store against its checksums and rules; changes nothing. For a store that nobody changes
// meanwhile: of one that is, it may report files as missing that compaction removed.
//
// kNotFound if the folder is not there or no store; problems are no error. But kIo where a file cannot be read, and
// kIncompatible where one is of a newer version: neither says that anything is damaged.
Result<StoreReport> check_code_store(const std::filesystem::path& folder);

// Makes a damaged store usable again from what is intact: whole segments, and every intact change of its log, also
// behind damage. Damaged files stay beside it under names that end in .damaged. A code that cannot be read is never
// replaced by a guess; but a row whose newer change was lost shows its older code again, and a removed row can come
// back when the record of its removal is lost: `losses` says what to index again. Where nothing is wrong, nothing is
// changed.
//
// `space` and `modality` say what belongs to the store when its manifest cannot (a log knows only a hash of them).
// After a crash at any moment a second repair does what is left to do, and what was damaged is still there.
//
// Nothing is changed where what is wrong may not be damage: kIncompatible if an intact manifest, or without one an
// intact segment, is of another space or modality, and if a file is of a newer version; kIo if one cannot be read.
// kIo also when the result cannot be written, kUnavailable while another process changes the store.
Result<StoreReport> repair_code_store(const std::filesystem::path& folder, const CodeSpace& space, Modality modality,
                                      const StoreStepHook& step_hook = {});

}  // namespace warifu
