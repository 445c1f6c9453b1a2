#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "methods/adam.h"
#include "methods/contrastive/model.h"
#include "nn/negative_bank.h"

namespace warifu {

// Everything that training carries from one epoch to the next. Random numbers are no part of it:
// each epoch draws from the seed and its own number.
struct TrainerState {
  ContrastiveModel model;
  ContrastiveModel teacher;  // slowly follows `model`
  ContrastiveModel best;     // as of best_epoch
  Adam adam;
  NegativeBank bank;
  int epoch = 0;  // epochs finished
  std::int64_t step = 0;
  int best_epoch = 0;
  double best_score = -1;
  double seconds = 0;
  std::vector<std::string> log;  // lines of train-log.jsonl
};

// Writes the state (atomic) to directory/checkpoint with the digest of the data and options it belongs to.
Result<void> save_checkpoint(const std::filesystem::path& directory, const TrainerState& state,
                             const std::string& digest);

// Fills `state` from directory/checkpoint. False if there is none that belongs to `digest`, or it
// cannot be read: then `state` is as before, and training starts anew.
bool restore_checkpoint(const std::filesystem::path& directory, const std::string& digest, TrainerState& state);

void remove_checkpoint(const std::filesystem::path& directory);

}  // namespace warifu
