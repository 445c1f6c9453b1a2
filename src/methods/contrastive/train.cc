#include "methods/contrastive/train.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "methods/contrastive/objective.h"
#include "methods/contrastive/pair_data.h"
#include "methods/contrastive/trainer_state.h"
#include "nn/sharded_forward.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

torch::Tensor positions_tensor(const std::vector<std::size_t>& positions) {
  std::vector<std::int64_t> rows(positions.begin(), positions.end());
  return torch::tensor(rows, torch::kInt64);
}

std::string options_digest(const TrainOptions& options, ContrastiveSettings settings, const std::string& data) {
  const nlohmann::json all = {data, options.bits, options.seed, settings_as_text(settings.named())};
  return content_hash(std::string_view(all.dump()));
}

// A branch at work on one batch: its tower, if it has one, on all cores, its layers on one.
class BranchPass {
 public:
  BranchPass(ContrastiveBranchImpl& branch, const torch::Tensor& input) {
    const auto parameters = branch.tower_parameters();
    if (parameters.empty()) {
      codes_ = branch.codes_of(input);
      return;
    }
    tower_.emplace(
        parameters, [&](const torch::Tensor& rows) { return std::vector{branch.features_of(rows)}; }, input);
    codes_ = branch.codes_of(tower_->outputs()[0]);
  }

  const torch::Tensor& codes() const { return codes_; }

  // After the loss has gone backward through codes().
  void backward() {
    if (tower_) tower_->backward();
  }

 private:
  std::optional<ShardedForward> tower_;
  torch::Tensor codes_;
};

// One run of training over fixed data.
class Trainer {
 public:
  Trainer(ModalityData image, ModalityData text, const TrainingSet& set, const TrainOptions& options,
          const ContrastiveSettings& settings)
      : image_(std::move(image)),
        text_(std::move(text)),
        train_(positions_tensor(set.train)),
        validation_(positions_tensor(set.validation)),
        options_(options),
        settings_(settings),
        batches_((train_.size(0) + settings.batch - 1) / settings.batch),
        state_(first_state()) {
    image_.standardise(train_, settings.spread_floor, *state_.model->image);
    text_.standardise(train_, settings.spread_floor, *state_.model->text);
    follow(*state_.teacher, *state_.model, 0);
    follow(*state_.best, *state_.model, 0);
    state_.teacher->image->teach();
    state_.teacher->text->teach();
    state_.best->eval();
  }

  TrainerState& state() { return state_; }
  bool finished() const {
    const bool waited = validation_.size(0) > 0 && state_.epoch - state_.best_epoch >= settings_.patience;
    return state_.epoch >= settings_.epochs || (state_.epoch > 0 && waited);
  }

  // One pass over the pairs and its validation; adds a line to the log.
  Result<void> run_epoch() {
    const auto started = std::chrono::steady_clock::now();
    // Through one draw: neighbouring seeds must not share stretches of one stream.
    Rng rng(Rng(options_.seed).next() + static_cast<std::uint64_t>(state_.epoch));
    torch::manual_seed(rng.next() >> 1);
    std::vector<std::int64_t> order(static_cast<std::size_t>(train_.size(0)));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    shuffle(std::span(order), rng);
    const auto shuffled = train_.index_select(0, torch::tensor(order, torch::kInt64));
    double loss = 0;
    state_.model->train();
    // Batches of nearly equal size: a last one of a single pair would teach nothing.
    for (const auto& rows : shuffled.tensor_split(batches_, 0)) {
      const double batch_loss = run_step(rows, rng);
      if (!std::isfinite(batch_loss))
        return fail(ErrorCode::kInvalidArgument,
                    "the loss became no number in epoch " + std::to_string(state_.epoch + 1) + ", step " +
                        std::to_string(state_.step),
                    "look for extreme values in the features");
      loss += batch_loss;
    }
    ++state_.epoch;
    const double score = validate();
    state_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    nlohmann::json line = {{"epoch", state_.epoch},
                           {"loss", loss / static_cast<double>(batches_)},
                           {"temperature", temperature().item<float>()},
                           {"bank", state_.bank.size()},
                           {"seconds", state_.seconds}};
    if (validation_.size(0) > 0) line["validation_mrr"] = score;
    state_.log.push_back(line.dump());
    return {};
  }

 private:
  TrainerState first_state() const {
    torch::manual_seed(options_.seed);
    const auto make = [&] {
      return ContrastiveModel(image_.spec(), text_.spec(), settings_.hidden, settings_.dropout, options_.bits,
                              settings_.temperature);
    };
    auto model = make();
    const auto width = std::reduce(options_.bits.begin(), options_.bits.end(), std::int64_t{0});
    // A bank that held the whole set would hold little but stale copies of the batch itself.
    const std::int64_t room = std::min(settings_.bank_capacity, train_.size(0) / 2);
    return TrainerState{.model = model,
                        .teacher = make(),
                        .best = make(),
                        .adam = Adam(model->parameters(), settings_.weight_decay),
                        .bank = NegativeBank(settings_.bank_share > 0 ? room : 0, width),
                        .log = {}};
  }

  torch::Tensor temperature() const { return state_.model->log_temperature.exp(); }

  // The parameter itself: cut in the loss it would get no gradient any more once it is outside.
  void keep_temperature_in_range() {
    const torch::NoGradGuard no_grad;
    state_.model->log_temperature.clamp_(std::log(settings_.min_temperature), std::log(settings_.max_temperature));
  }

  // A straight rise, then half a cosine down to 0.
  double learning_rate(double done) const {
    if (done < settings_.rate_warm_up)
      return settings_.learning_rate * (done * static_cast<double>(settings_.epochs * batches_) + 1) /
             (settings_.rate_warm_up * static_cast<double>(settings_.epochs * batches_) + 1);
    const double falling = (done - settings_.rate_warm_up) / (1 - settings_.rate_warm_up);
    return settings_.learning_rate * (1 + std::cos(std::numbers::pi * falling)) / 2;
  }

  double run_step(const torch::Tensor& rows, Rng& rng) {
    const std::int64_t steps = std::max<std::int64_t>(settings_.epochs * batches_, 1);
    const double done = static_cast<double>(state_.step) / static_cast<double>(steps);
    // The teacher is heard once it knows something, and then more and more over one epoch.
    const double taught = (done - settings_.teacher_warm_up) * settings_.epochs;
    const double soft_share = settings_.soft_share * std::clamp(taught, 0.0, 1.0);
    const auto pictures = image_.varied_batch(rows, rng);
    const auto texts = text_.varied_batch(rows, rng);
    PairBatch batch;
    batch.items = rows;
    {
      const torch::NoGradGuard no_grad;
      batch.teacher_image = BranchPass(*state_.teacher->image, pictures).codes();
      batch.teacher_text = BranchPass(*state_.teacher->text, texts).codes();
    }
    BranchPass image(*state_.model->image, pictures);
    BranchPass text(*state_.model->text, texts);
    batch.image = image.codes();
    batch.text = text.codes();
    const NegativeBank* bank = done >= settings_.bank_warm_up ? &state_.bank : nullptr;
    const auto loss =
        contrastive_objective(batch, bank, temperature(), soft_share, state_.step,
                              settings_.bank_horizon * static_cast<double>(batches_), options_.bits, settings_);
    const double value = loss.item<double>();
    if (!std::isfinite(value)) return value;
    state_.adam.zero_grad();
    loss.backward();
    image.backward();
    text.backward();
    state_.adam.step(learning_rate(done));
    keep_temperature_in_range();
    ++state_.step;
    follow(*state_.teacher, *state_.model, settings_.teacher_momentum);
    state_.bank.enqueue(batch.teacher_image, batch.teacher_text, rows, state_.step);
    return value;
  }

  // The relaxed codes of the longest length, in pieces that fit the cache.
  torch::Tensor codes(ContrastiveBranchImpl& branch, const ModalityData& data) const {
    std::vector<torch::Tensor> parts;
    for (const auto& rows : validation_.split(settings_.batch))
      parts.push_back(BranchPass(branch, data.batch(rows)).codes());
    return split_by_bits(torch::cat(parts), options_.bits).back();
  }

  // Keeps the model as the best one where it is, or where there is nothing to choose by.
  double validate() {
    state_.model->eval();
    double score = 0;
    if (validation_.size(0) > 0) {
      const torch::NoGradGuard no_grad;
      score = pair_retrieval_score(codes(*state_.model->image, image_), codes(*state_.model->text, text_));
    }
    if (validation_.size(0) == 0 || score > state_.best_score) {
      state_.best_score = score;
      state_.best_epoch = state_.epoch;
      follow(*state_.best, *state_.model, 0);
    }
    return score;
  }

  ModalityData image_;
  ModalityData text_;
  torch::Tensor train_;
  torch::Tensor validation_;
  TrainOptions options_;
  ContrastiveSettings settings_;
  std::int64_t batches_;
  TrainerState state_;
};

Result<void> write_log(const std::filesystem::path& directory, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return write_file_atomically(directory / "train-log.jsonl", std::string_view(text));
}

Result<void> run(Trainer& trainer, int epochs, const std::string& digest, const std::filesystem::path& directory,
                 ProgressSink& progress) {
  TrainerState& state = trainer.state();
  if (restore_checkpoint(directory, digest, state))
    progress.note("continued after epoch " + std::to_string(state.epoch) + " of an interrupted run");
  while (!trainer.finished()) {
    progress.advance("training", static_cast<std::size_t>(state.epoch), static_cast<std::size_t>(epochs));
    if (progress.stop_requested())
      return fail(ErrorCode::kUnavailable, "training stopped after epoch " + std::to_string(state.epoch),
                  "the same command continues it");
    if (auto done = trainer.run_epoch(); !done) return done;
    if (auto saved = save_checkpoint(directory, state, digest); !saved) return saved;
    if (auto written = write_log(directory, state.log); !written) return written;
  }
  progress.advance("training", static_cast<std::size_t>(state.epoch), static_cast<std::size_t>(state.epoch));
  return {};
}

}  // namespace

Result<ContrastiveResult> fit_contrastive(const TrainingSet& set, const TrainOptions& options,
                                          const ContrastiveSettings& settings, const std::filesystem::path& directory,
                                          ProgressSink& progress) {
  if (set.train.size() < 2)
    return fail(ErrorCode::kInvalidArgument, "one pair to train on; contrast needs two or more");
  // Small products gain nothing from several threads, and towers are spread over threads by shards.
  const SingleThreadedTensors single_threaded;
  auto image = ModalityData::make(set.image);
  if (!image) return with_context("pictures", image.error());
  auto text = ModalityData::make(set.text);
  if (!text) return with_context("texts", text.error());
  ContrastiveResult result;
  result.image = image->spec();
  result.text = text->spec();
  Trainer trainer(std::move(*image), std::move(*text), set, options, settings);
  const std::string digest = options_digest(options, settings, data_digest(set));
  if (auto done = run(trainer, settings.epochs, digest, directory, progress); !done)
    return std::unexpected(done.error());
  const TrainerState& state = trainer.state();
  result.model = state.best;
  result.report = {.train_seconds = state.seconds,
                   .epochs_run = state.epoch,
                   .validation_score = set.validation.empty() ? 0 : state.best_score,
                   .validation_criterion = set.validation.empty()
                                               ? "none: no pair held out, the last epoch was kept"
                                               : "mean reciprocal rank of held-out pairs, no labels"};
  return result;
}

}  // namespace warifu
