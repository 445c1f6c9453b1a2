#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "codes/code_matrix.h"
#include "methods/method.h"

namespace warifu {

struct UpdateOptions {
  std::uint64_t seed = 1;
  int epochs = 0;                          // 0: the method's own number
  std::vector<std::string> settings = {};  // "name=value"; those not named are as the space was trained with
};

struct UpdateReport {
  double train_seconds = 0;
  std::uint32_t generation = 0;         // of the space after it
  std::vector<std::string> new_labels;  // "column=value" that the space knows now and did not before
  // Of set.train, in its order, one matrix for each length: codes that the labels gave, which steered the network. No
  // index holds them.
  std::vector<CodeMatrix> learned_image, learned_text;
};

// kInvalidArgument, listing those that can, unless `method` can learn new categories while old codes stay.
Result<void> check_updates(std::string_view method);

// "column=value" of each label value that the space in `directory` knows. Errors of read_space_info.
Result<std::vector<std::string>> space_labels(const std::filesystem::path& directory);

// Teaches the space in `directory` the label values of `set` that it does not know, from the items of set.train alone.
// The model of the next generation goes to `next`, a folder that load_encoder reads; `directory` is only read. Codes
// of both generations lie in one space.
// set.label_names must be given. kInvalidArgument: a method that cannot, no new label value, no items; kNotFound,
// kBadFormat, kIncompatible: a damaged space.
Result<UpdateReport> update_space(const std::filesystem::path& directory, const TrainingSet& set,
                                  const UpdateOptions& options, const std::filesystem::path& next,
                                  ProgressSink& progress);

// The files of the generation that lies in `next`, model.json last: brought into the space's directory in this order,
// the last one makes it the present one. Files of all generations but this and the one before can then go.
Result<std::vector<std::string>> generation_files(const std::filesystem::path& next);
Result<void> remove_superseded(const std::filesystem::path& directory);

}  // namespace warifu
