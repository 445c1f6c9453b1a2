#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "nn/tensor_io.h"

namespace warifu {

// What an interrupted training run left behind.
struct Checkpoint {
  NamedTensors tensors;
  std::string progress;  // JSON, the trainer's own
};

// Writes it (atomic, so that a kill leaves the one before) to directory/checkpoint, with the digest of
// the data and options it belongs to. kIo.
Result<void> save_checkpoint(const std::filesystem::path& directory, const Checkpoint& checkpoint,
                             const std::string& digest);

// The checkpoint in `directory`; nothing if there is none that belongs to `digest` or it cannot be
// read: a damaged one costs the epochs in it, never the run.
std::optional<Checkpoint> read_checkpoint(const std::filesystem::path& directory, const std::string& digest);

void remove_checkpoint(const std::filesystem::path& directory);

// --- maps of tensors ---

// Puts `part` into `all` under names that start with `prefix`.
void add_tensors(NamedTensors& all, const std::string& prefix, const NamedTensors& part);

// Those of `all` whose names start with `prefix`, without it.
NamedTensors tensors_under(const NamedTensors& all, const std::string& prefix);

// Whether both have the same names and, under each, the same shape and type.
bool same_layout(const NamedTensors& a, const NamedTensors& b);

// Copies the values of `from`, which has the layout of named_tensors(module), into `module`.
void fill_module(torch::nn::Module& module, const NamedTensors& from);

}  // namespace warifu
