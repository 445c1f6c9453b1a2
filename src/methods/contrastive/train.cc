#include "methods/contrastive/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "methods/checkpoint.h"
#include "methods/contrastive/clean_pairs.h"
#include "methods/contrastive/label_schedule.h"
#include "methods/contrastive/objective.h"
#include "methods/modality_data.h"
#include "methods/trainer.h"
#include "nn/label_similarity.h"
#include "nn/losses.h"
#include "nn/negative_bank.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

// `labels`: of the items, as far as they are looked at.
std::string options_digest(const TrainingSet& set, const TrainOptions& options, ContrastiveSettings settings,
                           const std::vector<std::vector<std::uint32_t>>& labels,
                           const std::optional<StartWeights>& start) {
  const nlohmann::json all = {data_digest(set), options.bits,
                              options.seed,     settings_as_text(settings.named()),
                              labels,           start ? start->fingerprint : ""};
  return content_hash(std::string_view(all.dump()));
}

// Positions of the items that have a label, ascending.
torch::Tensor labelled_positions(const std::vector<std::vector<std::uint32_t>>& labels) {
  std::vector<std::int64_t> positions;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (!labels[i].empty()) positions.push_back(static_cast<std::int64_t>(i));
  return torch::tensor(positions, torch::kInt64);
}

void note_labels(const LabelSchedule& schedule, ProgressSink& progress) {
  if (schedule.labelled == 0) {
    progress.note("no training item has a label: contrastive learns from the pairs alone");
    return;
  }
  progress.note(fmt::format("{} labelled pairs of {} label values: labels have weight {:.2f}, pairs {:.2f}",
                            schedule.labelled, schedule.classes, schedule.supervised_weight(), schedule.pair_weight()));
}

// A branch at work on one batch: its tower, if it has one, on all cores, its layers on one.
class BranchPass {
 public:
  BranchPass(ContrastiveBranchImpl& branch, const torch::Tensor& input)
      : input_(*branch.input, input), codes_(branch.codes_of(input_.features())) {}

  const torch::Tensor& codes() const { return codes_; }

  // After the loss has gone backward through codes().
  void backward() { input_.backward(); }

 private:
  InputPass input_;
  torch::Tensor codes_;
};

// Contrastive learning over fixed data, as the trainer sees it.
class ContrastiveTask final : public TrainingTask {
 public:
  // labels: of all items, empty where they are not to be looked at.
  ContrastiveTask(PairData data, const TrainingSet& set, const TrainOptions& options,
                  const ContrastiveSettings& settings, std::vector<std::vector<std::uint32_t>> labels)
      : image_(std::move(data.image)),
        text_(std::move(data.text)),
        train_(positions_tensor(set.train)),
        validation_(positions_tensor(set.validation)),
        options_(options),
        settings_(settings),
        labels_(std::move(labels)),
        label_values_(static_cast<std::int64_t>(set.label_values)),
        schedule_(schedule_for(labels_)),
        labelled_(labelled_positions(labels_)) {
    torch::manual_seed(options_.seed);
    const auto make = [&] {
      return ContrastiveModel(image_.spec(), text_.spec(), settings_.hidden, settings_.dropout, options_.bits,
                              settings_.temperature);
    };
    model_ = make();
    teacher_ = make();
    const auto width = std::reduce(options_.bits.begin(), options_.bits.end(), std::int64_t{0});
    // A bank that held the whole set would hold little but stale copies of the batch itself.
    const std::int64_t room = std::min(settings_.bank_capacity, train_.size(0) / 2);
    bank_ = NegativeBank(settings_.bank_share > 0 ? room : 0, width);
    clean_ = CleanPairs(image_.size(), validation_);
    if (settings_.loss == "siglip") {
      const torch::NoGradGuard no_grad;
      model_->bias.fill_(-std::log(static_cast<double>(settings_.batch)));
    }
  }

  // To be called once, before training. Errors of StartingPoint::take_over.
  Result<void> begin(const std::optional<StartWeights>& start) {
    if (start) {
      auto point = StartingPoint::take_over(*model_, *start, options_.bits);
      if (!point) return std::unexpected(point.error());
      start_ = std::move(*point);
      if (settings_.loss == "siglip" && start->bias) {
        const torch::NoGradGuard no_grad;
        model_->bias.fill_(*start->bias);
      }
      // Old weights mean the same only for features standardised as they were.
      image_.standardise_as(*model_->image->input);
      text_.standardise_as(*model_->text->input);
    } else {
      image_.standardise(train_, settings_.spread_floor, *model_->image->input);
      text_.standardise(train_, settings_.spread_floor, *model_->text->input);
    }
    follow(*teacher_, *model_, 0);
    teacher_->image->teach();
    teacher_->text->teach();
    return {};
  }

  // After training: mixes the start into the model. Its validation score then; nothing where none is held out.
  std::optional<double> interpolate_with_start() {
    const torch::NoGradGuard no_grad;
    start_->interpolate(settings_.interpolation);
    model_->eval();
    return validate();
  }

  const torch::Tensor& train() const { return train_; }

  // Of each item of the set; empty where it is never asked. After a run too short for a look, by the model as it is.
  std::vector<float> clean_probability() {
    if (settings_.clean_after < 0) return {};
    if (!clean_.observed()) look_at_every_pair();
    const auto& of_items = clean_.probability();
    return {of_items.data_ptr<float>(), of_items.data_ptr<float>() + of_items.numel()};
  }
  ContrastiveModel contrastive_model() const { return model_; }

  torch::nn::Module& model() override { return *model_; }

  std::vector<AdamGroup> parameter_groups() override {
    if (!start_) return TrainingTask::parameter_groups();
    AdamGroup heads{{}, heads_alone_ ? 1 : settings_.tune_rate};
    AdamGroup others{{}, heads_alone_ ? 0 : settings_.tune_rate};
    for (const auto& parameter : model_->named_parameters())
      (parameter.key().find(".head.") != std::string::npos ? heads : others).parameters.push_back(parameter.value());
    return {heads, others};
  }

  NamedTensors memory() const override {
    NamedTensors memory;
    add_tensors(memory, "teacher.", named_tensors(*teacher_));
    add_tensors(memory, "bank.", bank_.state());
    add_tensors(memory, "clean.", clean_.state());
    return memory;
  }

  void restore_memory(const NamedTensors& memory) override {
    bank_.restore(tensors_under(memory, "bank."));
    fill_module(*teacher_, tensors_under(memory, "teacher."));
    clean_.restore(tensors_under(memory, "clean."));
  }

  void begin_epoch(const TrainingPlace& place) override {
    heads_alone_ = start_ && place.epoch < settings_.head_epochs;
    if (settings_.clean_after >= 0 && place.epoch >= settings_.clean_after) look_at_every_pair();
  }

  torch::Tensor loss(const torch::Tensor& rows, const TrainingPlace& place, Rng& rng) override {
    // The teacher is heard once it knows something, and then more and more over one epoch.
    const double taught = (place.done() - settings_.teacher_warm_up) * place.epochs;
    const double soft_share = settings_.soft_share * std::clamp(taught, 0.0, 1.0);
    // The batch, then further labelled items, which the student alone sees.
    const auto further = further_labelled(rows, rng);
    const auto seen = further.size(0) > 0 ? torch::cat({rows, further}) : rows;
    const auto pictures = image_.varied_batch(seen, rng);
    const auto texts = text_.varied_batch(seen, rng);
    const std::int64_t pairs = rows.size(0);
    PairBatch batch;
    batch.items = rows;
    if (clean_.observed()) batch.clean = clean_.probability().index_select(0, rows).clamp_min(settings_.clean_floor);
    {
      const torch::NoGradGuard no_grad;
      batch.teacher_image = BranchPass(*teacher_->image, pictures.narrow(0, 0, pairs)).codes();
      batch.teacher_text = BranchPass(*teacher_->text, texts.narrow(0, 0, pairs)).codes();
    }
    if (heads_alone_) {  // what the heads stand on includes the running statistics of towers
      model_->image->input->eval();
      model_->text->input->eval();
    }
    image_pass_.emplace(*model_->image, pictures);
    text_pass_.emplace(*model_->text, texts);
    batch.image = image_pass_->codes().narrow(0, 0, pairs);
    batch.text = text_pass_->codes().narrow(0, 0, pairs);
    if (labelled_.size(0) > 0) batch.labelled = labelled_items(seen);
    teacher_image_ = batch.teacher_image;
    teacher_text_ = batch.teacher_text;
    const NegativeBank* bank = place.done() >= settings_.bank_warm_up ? &bank_ : nullptr;
    const ObjectivePlace here{.bank = bank,
                              .temperature = temperature(),
                              .bias = model_->bias,
                              .soft_share = soft_share,
                              .step = place.step,
                              .age_horizon = settings_.bank_horizon * static_cast<double>(place.steps_per_epoch())};
    return contrastive_objective(batch, here, options_.bits, settings_);
  }

  void carry_back() override {
    image_pass_->backward();
    text_pass_->backward();
    image_pass_.reset();  // with the graph of the step
    text_pass_.reset();
  }

  void after_step(const torch::Tensor& rows, const TrainingPlace& place) override {
    if (start_ && settings_.start_decay > 0)
      start_->pull_back(place.learning_rate * (heads_alone_ ? 1 : settings_.tune_rate) * settings_.start_decay *
                        schedule_.start_decay_share());
    keep_temperature_in_range();
    follow(*teacher_, *model_, settings_.teacher_momentum);
    // A pair that is probably wrong is no key to compare with.
    const auto clean = clean_.probability().index_select(0, rows).ge(0.5).nonzero().squeeze(1);
    bank_.enqueue(teacher_image_.index_select(0, clean), teacher_text_.index_select(0, clean),
                  rows.index_select(0, clean), place.step);
  }

  std::optional<double> validate() override {
    if (validation_.size(0) < 2) return std::nullopt;  // a single pair has rank 1 whatever is learnt
    return pair_retrieval_score(codes(*model_->image, image_, validation_), codes(*model_->text, text_, validation_));
  }

  std::map<std::string, double> figures() const override {
    return {{"temperature", temperature().item<double>()},
            {"bank", static_cast<double>(bank_.size())},
            {"clean_share", clean_.probability().mean().item<double>()}};
  }

 private:
  torch::Tensor temperature() const { return model_->log_temperature.exp(); }

  // The parameter itself: cut in the loss it would get no gradient any more once it is outside.
  void keep_temperature_in_range() {
    const torch::NoGradGuard no_grad;
    model_->log_temperature.clamp_(std::log(settings_.min_temperature), std::log(settings_.max_temperature));
  }

  // The relaxed codes of the longest length, in pieces that fit the cache.
  torch::Tensor codes(ContrastiveBranchImpl& branch, const ModalityData& data, const torch::Tensor& items) const {
    std::vector<torch::Tensor> parts;
    for (const auto& rows : items.split(settings_.batch)) parts.push_back(BranchPass(branch, data.batch(rows)).codes());
    return split_by_bits(torch::cat(parts), options_.bits).back();
  }

  // Labelled items beside those of `rows`, so that as many are compared as the batch has rows, or all there are: few
  // labels would hardly meet in one batch.
  torch::Tensor further_labelled(const torch::Tensor& rows, Rng& rng) const {
    if (labelled_.size(0) == 0) return labelled_;
    const auto others = labelled_.masked_select(torch::isin(labelled_, rows).logical_not());
    const std::int64_t within = labelled_.size(0) - others.size(0);
    const std::int64_t wanted = std::clamp<std::int64_t>(rows.size(0) - within, 0, others.size(0));
    std::vector<std::int64_t> order(static_cast<std::size_t>(others.size(0)));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    shuffle(std::span(order), rng);
    order.resize(static_cast<std::size_t>(wanted));
    return others.index_select(0, torch::tensor(order, torch::kInt64));
  }

  // Of the step under way, whose student saw `items`.
  LabelledItems labelled_items(const torch::Tensor& items) const {
    const auto known = torch::isin(items, labelled_).nonzero().squeeze(1);
    std::vector<std::vector<std::uint32_t>> labels;
    const auto positions = items.index_select(0, known);
    for (std::int64_t i = 0; i < positions.size(0); ++i)
      labels.push_back(labels_[static_cast<std::size_t>(positions[i].item<std::int64_t>())]);
    const auto values = multi_hot(labels, label_values_);
    LabelledItems labelled{.image = image_pass_->codes().index_select(0, known),
                           .text = text_pass_->codes().index_select(0, known),
                           .alike = any_label_similarity(values, values),
                           .clean = {},
                           .weight = schedule_.supervised_weight()};
    if (clean_.observed())
      labelled.clean = clean_.probability().index_select(0, positions).clamp_min(settings_.clean_floor);
    return labelled;
  }

  void look_at_every_pair() {
    const torch::NoGradGuard no_grad;
    model_->eval();
    const auto all = torch::arange(image_.size(), torch::kInt64);
    const auto image = unit_rows(codes(*model_->image, image_, all));
    const auto text = unit_rows(codes(*model_->text, text_, all));
    // Where the model has become no number the loss of the next step says so.
    if (!torch::isfinite(image).all().item<bool>() || !torch::isfinite(text).all().item<bool>()) return;
    clean_.observe(pair_losses(image, text, temperature().item<double>()), settings_.clean_momentum);
  }

  ModalityData image_;
  ModalityData text_;
  torch::Tensor train_;
  torch::Tensor validation_;
  TrainOptions options_;
  ContrastiveSettings settings_;
  std::vector<std::vector<std::uint32_t>> labels_;  // of all items; empty: not known or not looked at
  std::int64_t label_values_;
  LabelSchedule schedule_;
  torch::Tensor labelled_;  // items with labels
  std::optional<StartingPoint> start_;
  bool heads_alone_ = false;  // in this epoch
  ContrastiveModel model_ = nullptr;
  ContrastiveModel teacher_ = nullptr;  // slowly follows the model
  NegativeBank bank_{0, 0};
  CleanPairs clean_{0, torch::empty({0}, torch::kInt64)};  // of all items of the set
  std::optional<BranchPass> image_pass_;                   // of the step under way
  std::optional<BranchPass> text_pass_;
  torch::Tensor teacher_image_;
  torch::Tensor teacher_text_;
};

}  // namespace

Result<ContrastiveResult> fit_contrastive(const TrainingSet& set, const TrainOptions& options,
                                          const ContrastiveSettings& settings, const std::filesystem::path& directory,
                                          ProgressSink& progress, const std::optional<StartWeights>& start) {
  // Small products gain nothing from several threads, and towers are spread over threads by shards.
  const SingleThreadedTensors single_threaded;
  auto data = PairData::make(set);
  if (!data) return std::unexpected(data.error());
  const std::int64_t image_width = data->image.spec().width;
  const std::int64_t text_width = data->text.spec().width;
  std::vector<std::vector<std::uint32_t>> labels;
  if (settings.label_schedule == "few") {
    labels = limit_labels(set.labels, set.train, static_cast<std::size_t>(settings.label_limit), options.seed);
    note_labels(schedule_for(labels), progress);
  }
  const std::string digest = options_digest(set, options, settings, labels, start);
  ContrastiveTask task(*std::move(data), set, options, settings, std::move(labels));
  if (auto begun = task.begin(start); !begun) return std::unexpected(begun.error());
  const TrainerSettings trainer{.epochs = settings.epochs,
                                .batch = settings.batch,
                                .learning_rate = settings.learning_rate,
                                .rate_warm_up = settings.rate_warm_up,
                                .weight_decay = settings.weight_decay,
                                .patience = settings.patience,
                                .seed = options.seed};
  auto run = run_training(task, task.train(), trainer, digest, directory, progress);
  if (!run) return std::unexpected(run.error());
  if (start && settings.interpolation < 1) run->best_score = task.interpolate_with_start();
  return ContrastiveResult{
      .model = task.contrastive_model(),
      .image_width = image_width,
      .text_width = text_width,
      .report = {.train_seconds = run->seconds,
                 .epochs_run = run->epochs_run,
                 .validation_score = run->best_score.value_or(0),
                 .validation_criterion = run->best_score
                                             ? "mean reciprocal rank of held-out pairs, no labels"
                                             : "none: fewer than two pairs held out, the last epoch was kept",
                 .clean_probability = task.clean_probability()}};
}

}  // namespace warifu
