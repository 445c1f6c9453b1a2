#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "base/rng.h"
#include "methods/adam.h"
#include "nn/tensor_io.h"

namespace warifu {

// Where a run stands while a step is taken.
struct TrainingPlace {
  int epoch = 0;  // finished before this one
  std::int64_t step = 0;
  std::int64_t steps = 1;  // of the whole run, if it does not stop early
  int epochs = 1;
  double learning_rate = 0;  // of the step at hand; in after_step() of the one just taken

  double done() const { return static_cast<double>(step) / static_cast<double>(steps); }
  std::int64_t steps_per_epoch() const { return steps / epochs; }
};

// What a method brings to the trainer. Rows are positions of training items (int64 [batch]); all
// random numbers come from the Rng given or from torch's generator, which the trainer seeds for each epoch.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;

  // What is learnt. Its parameters are stepped; of its parameters and buffers the best epoch's are kept.
  virtual torch::nn::Module& model() = 0;

  // How fast which parameters learn; all of the model's at the common rate unless the method says otherwise.
  // Asked again after begin_epoch() of each epoch: the same parameters in the same order, at rates that may be others.
  virtual std::vector<AdamGroup> parameter_groups() { return {{model().parameters(), 1.0}}; }

  // What else is carried from step to step (a teacher, a bank, code buffers), for checkpoints: float32,
  // int64, bool or uint8, as safetensors are written here. The
  // names, shapes and types are the same at any time of a run; restore_memory() gets such a map, and
  // throws c10::Error, changing nothing, if its values cannot be.
  virtual NamedTensors memory() const { return {}; }
  virtual void restore_memory(const NamedTensors& /*memory*/) {}

  virtual void begin_epoch(const TrainingPlace& /*place*/) {}

  // The loss of one batch, float [], with its gradient; the model is in training mode.
  virtual torch::Tensor loss(const torch::Tensor& rows, const TrainingPlace& place, Rng& rng) = 0;

  // After loss.backward(), before the step: for passes that were cut from the graph (ShardedForward).
  virtual void carry_back() {}
  virtual void after_step(const torch::Tensor& /*rows*/, const TrainingPlace& /*place*/) {}

  // How good the model is by held-out items, the higher the better; nothing where none are held out:
  // then the last epoch is kept. The model is in evaluation mode, gradients are off.
  virtual std::optional<double> validate() = 0;

  // Further figures for the line of an epoch in the log.
  virtual std::map<std::string, double> figures() const { return {}; }
};

struct TrainerSettings {
  int epochs = 1;
  std::int64_t batch = 64;
  double learning_rate = 1e-3;  // falls to 0 along half a cosine
  double rate_warm_up = 0;      // share of all steps in which it rises in a straight line
  double weight_decay = 1e-4;
  double max_gradient_norm = 5;
  int patience = 0;  // epochs without a better validation score before it stops; 0: never
  std::uint64_t seed = 1;
};

struct TrainingResult {
  int epochs_run = 0;
  int best_epoch = 0;                // 1 … epochs_run
  std::optional<double> best_score;  // of validate()
  double seconds = 0;                // of all runs together, where it was interrupted
};

// Trains task.model() on the items at `train` (int64 [n], n >= 1) and leaves it as of the best epoch,
// in evaluation mode. In `directory`:
//
//   train-log.jsonl   a line for each epoch: epoch, loss (mean over its batches), seconds, validation
//                     (where there is one) and the task's figures
//   checkpoint/       after each epoch; a run with the same `digest` (of data and options) continues
//                     there. Who calls removes it when its own files are written.
//
// The same task, settings and digest give the same model on the same machine, whether the run was
// interrupted (Ctrl-C, kill -9) or not. Every batch of an epoch has nearly the same size.
//
// kInvalidArgument: loss, gradient or model became no number; kUnavailable: stopped on request, which is
// asked for before each step: the epoch begun is lost, those before it are in the checkpoint; kIo.
Result<TrainingResult> run_training(TrainingTask& task, const torch::Tensor& train, const TrainerSettings& settings,
                                    const std::string& digest, const std::filesystem::path& directory,
                                    ProgressSink& progress);

}  // namespace warifu
