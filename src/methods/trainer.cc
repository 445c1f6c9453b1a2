#include "methods/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>
#include <span>
#include <utility>

#include "base/file.h"
#include "methods/checkpoint.h"

namespace warifu {
namespace {

NamedTensors copies(const NamedTensors& tensors) {
  NamedTensors copied;
  for (const auto& [name, tensor] : tensors) copied[name] = tensor.detach().clone();
  return copied;
}

class Run {
 public:
  Run(TrainingTask& task, torch::Tensor train, const TrainerSettings& settings, ProgressSink& progress)
      : task_(task),
        train_(std::move(train)),
        settings_(settings),
        progress_(progress),
        batches_((train_.size(0) + settings.batch - 1) / settings.batch),
        adam_(task.parameter_groups(), settings.weight_decay) {}

  Result<TrainingResult> operator()(const std::string& digest, const std::filesystem::path& directory) {
    if (restore(read_checkpoint(directory, digest))) {
      progress_.note("continued after epoch " + std::to_string(epoch_) + " of an interrupted run");
      // It may have been killed between its last checkpoint and the log of it.
      if (auto written = write_log(directory); !written) return std::unexpected(written.error());
    }
    while (!finished()) {
      if (auto done = run_epoch(); !done) return std::unexpected(done.error());
      if (auto saved = save_checkpoint(directory, checkpoint(), digest); !saved) return std::unexpected(saved.error());
      if (auto written = write_log(directory); !written) return std::unexpected(written.error());
    }
    const auto steps = static_cast<std::size_t>(place().step);
    progress_.advance("training", steps, steps);
    fill_module(task_.model(), best_);
    task_.model().eval();
    return TrainingResult{epoch_, best_epoch_, best_score_, seconds_};
  }

 private:
  TrainingPlace place() const {
    TrainingPlace here{
        .epoch = epoch_, .step = step_, .steps = settings_.epochs * batches_, .epochs = settings_.epochs};
    here.learning_rate = learning_rate(here);
    return here;
  }

  bool finished() const {
    const bool waited = settings_.patience > 0 && best_score_ && epoch_ - best_epoch_ >= settings_.patience;
    return epoch_ >= settings_.epochs || (epoch_ > 0 && waited);
  }

  Result<void> run_epoch() {
    const auto started = std::chrono::steady_clock::now();
    // Through one draw: neighbouring seeds must not share stretches of one stream.
    Rng rng(Rng(settings_.seed).next() + static_cast<std::uint64_t>(epoch_));
    torch::manual_seed(rng.next() >> 1);
    std::vector<std::int64_t> order(static_cast<std::size_t>(train_.size(0)));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    shuffle(std::span(order), rng);
    const auto shuffled = train_.index_select(0, torch::tensor(order, torch::kInt64));
    task_.begin_epoch(place());
    adam_.set_rates(task_.parameter_groups());
    task_.model().train();
    double loss = 0;
    // Batches of nearly equal size: a last one of a single item would teach nothing.
    for (const auto& rows : shuffled.tensor_split(batches_, 0)) {
      progress_.advance("training", static_cast<std::size_t>(step_), static_cast<std::size_t>(place().steps));
      if (progress_.stop_requested())
        return fail(ErrorCode::kUnavailable,
                    epoch_ == 0 ? "training stopped in its first epoch"
                                : "training stopped; epochs 1 to " + std::to_string(epoch_) + " are kept",
                    "the same command continues it");
      const double batch_loss = run_step(rows, rng);
      if (!std::isfinite(batch_loss))
        return fail(ErrorCode::kInvalidArgument,
                    "the loss or its gradient became no number in epoch " + std::to_string(epoch_ + 1) + ", step " +
                        std::to_string(step_),
                    "look for extreme values in the features, or lower the learning rate");
      loss += batch_loss;
    }
    ++epoch_;
    for (const auto& [name, tensor] : named_tensors(task_.model()))
      if (tensor.is_floating_point() && !torch::isfinite(tensor).all().item<bool>())
        return fail(ErrorCode::kInvalidArgument,
                    "'" + name + "' of the model became no number in epoch " + std::to_string(epoch_),
                    "look for extreme values in the features, or lower the learning rate");
    const auto score = keep_if_best();
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    nlohmann::json line = {{"epoch", epoch_}, {"loss", loss / static_cast<double>(batches_)}, {"seconds", seconds_}};
    if (score) line["validation"] = *score;
    for (const auto& [name, value] : task_.figures()) line[name] = value;
    log_.push_back(line.dump());
    return {};
  }

  double run_step(const torch::Tensor& rows, Rng& rng) {
    const TrainingPlace here = place();
    adam_.zero_grad();
    const auto loss = task_.loss(rows, here, rng);
    const double value = loss.item<double>();
    if (!std::isfinite(value)) return value;
    loss.backward();
    task_.carry_back();
    const double gradient = adam_.step(here.learning_rate, settings_.max_gradient_norm);
    if (!std::isfinite(gradient)) return gradient;
    ++step_;
    TrainingPlace after = place();
    after.learning_rate = here.learning_rate;
    task_.after_step(rows, after);
    return value;
  }

  double learning_rate(const TrainingPlace& here) const {
    const double rising = settings_.rate_warm_up * static_cast<double>(here.steps);
    if (here.done() < settings_.rate_warm_up)
      return settings_.learning_rate * (static_cast<double>(here.step) + 1) / (rising + 1);
    const double falling = (here.done() - settings_.rate_warm_up) / (1 - settings_.rate_warm_up);
    return settings_.learning_rate * (1 + std::cos(std::numbers::pi * falling)) / 2;
  }

  std::optional<double> keep_if_best() {
    const torch::NoGradGuard no_grad;
    task_.model().eval();
    const auto score = task_.validate();
    if (!score || !best_score_ || *score > *best_score_) {
      best_score_ = score;
      best_epoch_ = epoch_;
      best_ = copies(named_tensors(task_.model()));
    }
    return score;
  }

  Checkpoint checkpoint() const {
    Checkpoint checkpoint;
    add_tensors(checkpoint.tensors, "model.", named_tensors(task_.model()));
    add_tensors(checkpoint.tensors, "best.", best_);
    add_tensors(checkpoint.tensors, "adam.", adam_.state());
    add_tensors(checkpoint.tensors, "memory.", task_.memory());
    nlohmann::json progress = {{"epoch", epoch_}, {"best_epoch", best_epoch_}, {"seconds", seconds_}, {"log", log_}};
    if (best_score_) progress["best_score"] = *best_score_;
    checkpoint.progress = progress.dump();
    return checkpoint;
  }

  // Everything is looked at before anything is changed: a checkpoint is continued whole or not at all.
  bool restore(const std::optional<Checkpoint>& from) {
    if (!from) return false;
    const auto model = tensors_under(from->tensors, "model.");
    const auto best = tensors_under(from->tensors, "best.");
    const auto adam = tensors_under(from->tensors, "adam.");
    const auto memory = tensors_under(from->tensors, "memory.");
    const auto wanted = named_tensors(task_.model());
    if (!same_layout(model, wanted) || !same_layout(best, wanted) || !same_layout(adam, adam_.state()) ||
        !same_layout(memory, task_.memory()))
      return false;
    int epoch = 0, best_epoch = 0;
    double seconds = 0;
    std::optional<double> best_score;
    std::vector<std::string> log;
    try {
      const auto progress = nlohmann::json::parse(from->progress);
      progress.at("epoch").get_to(epoch);
      progress.at("best_epoch").get_to(best_epoch);
      progress.at("seconds").get_to(seconds);
      progress.at("log").get_to(log);
      if (progress.contains("best_score")) best_score = progress["best_score"].get<double>();
    } catch (const nlohmann::json::exception&) {
      return false;
    }
    try {
      task_.restore_memory(memory);
    } catch (const c10::Error&) {
      return false;
    }
    fill_module(task_.model(), model);
    adam_.restore(adam);
    best_ = best;
    epoch_ = epoch;
    step_ = epoch_ * batches_;
    best_epoch_ = best_epoch;
    best_score_ = best_score;
    seconds_ = seconds;
    log_ = std::move(log);
    return true;
  }

  Result<void> write_log(const std::filesystem::path& directory) const {
    std::string text;
    for (const std::string& line : log_) text += line + "\n";
    return write_file_atomically(directory / "train-log.jsonl", std::string_view(text));
  }

  TrainingTask& task_;
  torch::Tensor train_;
  TrainerSettings settings_;
  ProgressSink& progress_;
  std::int64_t batches_;
  Adam adam_;
  NamedTensors best_;
  int epoch_ = 0;  // finished
  std::int64_t step_ = 0;
  int best_epoch_ = 0;
  std::optional<double> best_score_;
  double seconds_ = 0;
  std::vector<std::string> log_;
};

}  // namespace

Result<TrainingResult> run_training(TrainingTask& task, const torch::Tensor& train, const TrainerSettings& settings,
                                    const std::string& digest, const std::filesystem::path& directory,
                                    ProgressSink& progress) {
  TORCH_CHECK(train.size(0) > 0 && settings.batch > 0 && settings.epochs > 0,
              "nothing to train on, or no step to take");
  return Run(task, train, settings, progress)(digest, directory);
}

}  // namespace warifu
