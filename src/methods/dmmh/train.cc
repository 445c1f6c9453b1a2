#include "methods/dmmh/train.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "evaluate/evaluate.h"
#include "evaluate/relevance.h"
#include "methods/dmmh/objective.h"
#include "methods/modality_data.h"
#include "methods/trainer.h"
#include "methods/training_labels.h"
#include "nn/hash_head.h"
#include "nn/label_similarity.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

constexpr std::size_t kMaxAnswers = 5000;  // training items that held-out ones are looked for among
constexpr std::int64_t kEncodeBatch = 512;

std::string options_digest(const TrainingSet& set, const TrainOptions& options, DmmhSettings settings) {
  const nlohmann::json all = {data_digest(set),
                              set.labels,
                              set.column_of_value,
                              options.bits,
                              options.seed,
                              options.bits_tolerance.value_or(-1),
                              settings_as_text(settings.named())};
  return content_hash(std::string_view(all.dump()));
}

torch::Tensor columns_tensor(const TrainingSet& set) {
  auto columns = torch::zeros({static_cast<std::int64_t>(set.label_values)}, torch::kInt64);
  for (std::size_t i = 0; i < set.column_of_value.size(); ++i)
    columns[static_cast<std::int64_t>(i)] = static_cast<std::int64_t>(set.column_of_value[i]);
  return columns;
}

// DMMH over fixed data, as the trainer sees it.
class DmmhTask final : public TrainingTask {
 public:
  DmmhTask(PairData data, const TrainingSet& set, const TrainOptions& options, const DmmhSettings& settings)
      : image_(std::move(data.image)),
        text_(std::move(data.text)),
        train_(positions_tensor(set.train)),
        labels_(multi_hot(set.labels, static_cast<std::int64_t>(set.label_values))),
        column_of_value_(columns_tensor(set)),
        settings_(settings),
        shape_{.image_width = image_.spec().width, .text_width = text_.spec().width, .bits = options.bits} {
    torch::manual_seed(options.seed);
    model_ = DmmhModel(image_.spec(), text_.spec(), shape_, labels_.size(1), settings);
    image_.standardise(train_, settings.spread_floor, *model_->image);
    text_.standardise(train_, settings.spread_floor, *model_->text);
    prepare_validation(set, options.seed);
  }

  const torch::Tensor& train() const { return train_; }
  DmmhModel dmmh_model() const { return model_; }

  torch::nn::Module& model() override { return *model_; }

  void begin_epoch(const TrainingPlace& /*place*/) override {
    sums_.clear();
    steps_ = 0;
  }

  torch::Tensor loss(const torch::Tensor& rows, const TrainingPlace& /*place*/, Rng& rng) override {
    image_pass_.emplace(*model_->image, image_.varied_batch(rows, rng));
    text_pass_.emplace(*model_->text, text_.varied_batch(rows, rng));
    const auto outputs = model_->network->forward(image_pass_->features(), text_pass_->features());
    const auto labels = labels_.index_select(0, rows);
    ++steps_;
    auto sum = loss_of("both", outputs.both, labels);
    if (outputs.image.defined()) sum = sum + settings_.image_weight * loss_of("image", outputs.image, labels);
    if (outputs.text.defined()) sum = sum + settings_.text_weight * loss_of("text", outputs.text, labels);
    if (outputs.gate.defined()) sums_["image_share"] += outputs.gate.mean().item<double>();
    return sum;
  }

  void carry_back() override {
    image_pass_->backward();
    text_pass_->backward();
    image_pass_.reset();  // with the graph of the step
    text_pass_.reset();
  }

  std::optional<double> validate() override {
    const auto curve = validation_by_bits();
    if (curve.empty()) return std::nullopt;
    double sum = 0;
    for (const auto& [bits, map] : curve) sum += map;
    return sum / static_cast<double>(curve.size());
  }

  bool can_validate() const { return asking_.size() >= 2; }

  // mAP of each length; empty where nothing can be measured.
  std::map<std::uint32_t, double> validation_by_bits() {
    std::map<std::uint32_t, double> curve;
    if (!can_validate()) return curve;
    const torch::NoGradGuard no_grad;
    const auto asking = codes(positions_tensor(asking_));
    const auto answering = codes(positions_tensor(answering_));
    const MetricOptions options{.cutoffs = {1}, .bootstrap_samples = 0};
    for (std::size_t i = 0; i < shape_.bits.size(); ++i)
      curve[shape_.bits[i]] = evaluate_codes(asking[i], answering[i], *truth_, options).map;
    return curve;
  }

  // Of each term the mean over the epoch.
  std::map<std::string, double> figures() const override {
    std::map<std::string, double> means;
    for (const auto& [name, sum] : sums_) means[name] = sum / static_cast<double>(steps_);
    return means;
  }

 private:
  // Held-out items with a label of every column ask for training items with one, where there is one to be found.
  void prepare_validation(const TrainingSet& set, std::uint64_t seed) {
    const std::size_t columns =
        set.column_of_value.empty() ? 1 : std::size_t{std::ranges::max(set.column_of_value)} + 1;
    const auto labels_of = [&](std::size_t position) {
      ItemLabels values(columns);
      for (const std::uint32_t value : set.labels[position])
        values[set.column_of_value.empty() ? 0U : set.column_of_value[value]].push_back(value);
      for (auto& of_column : values) std::ranges::sort(of_column);
      return values;
    };
    const auto is_labelled = [](const ItemLabels& values) {
      return std::ranges::none_of(values, [](const auto& of_column) { return of_column.empty(); });
    };
    std::vector<ItemLabels> asking_labels, answering_labels;
    std::vector<std::size_t> order = set.train;
    Rng rng(seed ^ 0x646D6D68ULL);
    shuffle(std::span(order), rng);
    for (const std::size_t position : order) {
      if (answering_.size() == kMaxAnswers) break;
      auto labels = labels_of(position);
      if (!is_labelled(labels)) continue;
      answering_.push_back(position);
      answering_labels.push_back(std::move(labels));
    }
    std::vector<std::size_t> candidates;
    for (const std::size_t position : set.validation)
      if (auto labels = labels_of(position); is_labelled(labels)) {
        candidates.push_back(position);
        asking_labels.push_back(std::move(labels));
      }
    const auto all = relevance(asking_labels, answering_labels, RelevanceRule::Kind::kAll);
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (std::ranges::any_of(all.row(i), [](std::uint8_t gain) { return gain > 0; })) kept.push_back(i);
    truth_.emplace(kept.size(), answering_.size());
    for (std::size_t i = 0; i < kept.size(); ++i) {
      asking_.push_back(candidates[kept[i]]);
      std::ranges::copy(all.row(kept[i]), truth_->row(i).begin());
    }
  }

  torch::Tensor loss_of(const std::string& whose, const torch::Tensor& values, const torch::Tensor& labels) {
    const auto lengths = split_by_bits(torch::tanh(values), shape_.bits);
    torch::Tensor sum;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const auto terms = dmmh_terms({.relaxed = lengths[i],
                                     .class_logits = model_->classifiers[i](lengths[i]),
                                     .words = model_->words[i],
                                     .labels = labels,
                                     .column_of_value = column_of_value_},
                                    settings_);
      const auto share = 1 / static_cast<double>(lengths.size());
      const auto weighed = share * terms.sum(settings_);
      sum = sum.defined() ? sum + weighed : weighed;
    }
    sums_[whose + "_loss"] += sum.item<double>();
    return sum;
  }

  // Codes of both halves, of each length.
  std::vector<CodeMatrix> codes(const torch::Tensor& rows) {
    std::vector<CodeMatrix> codes(shape_.bits.size());
    for (const auto& part : rows.split(kEncodeBatch)) {
      const auto values = model_->network->outputs(InputPass(*model_->image, image_.batch(part)).features(),
                                                   InputPass(*model_->text, text_.batch(part)).features());
      const auto lengths = split_by_bits(values, shape_.bits);
      for (std::size_t i = 0; i < lengths.size(); ++i) codes[i].append(pack_signs(to_float_matrix(lengths[i])));
    }
    return codes;
  }

  ModalityData image_;
  ModalityData text_;
  torch::Tensor train_;
  torch::Tensor labels_;           // of all items of the set, multi-hot
  torch::Tensor column_of_value_;  // int64 [label values]
  DmmhSettings settings_;
  DmmhShape shape_;
  DmmhModel model_ = nullptr;
  std::vector<std::size_t> asking_, answering_;  // positions, for validation
  std::optional<RelevanceMatrix> truth_;         // of these
  std::optional<InputPass> image_pass_;          // of the step under way
  std::optional<InputPass> text_pass_;
  std::map<std::string, double> sums_;  // of what figures() tells, over the epoch
  std::int64_t steps_ = 0;
};

}  // namespace

DmmhModelImpl::DmmhModelImpl(const InputSpec& image_spec, const InputSpec& text_spec, const DmmhShape& shape,
                             std::int64_t label_values, const DmmhSettings& settings) {
  image = register_module("image", InputStage(image_spec));
  text = register_module("text", InputStage(text_spec));
  network = register_module("network", DmmhNetwork(shape, settings));
  for (const std::uint32_t length : shape.bits) {
    const std::int64_t bits = length;
    classifiers.push_back(register_module("classifier" + std::to_string(bits), torch::nn::Linear(bits, label_values)));
    words.push_back(register_parameter("words" + std::to_string(bits), torch::randn({label_values, bits})));
  }
}

Result<DmmhResult> fit_dmmh(const TrainingSet& set, const TrainOptions& options, const DmmhSettings& settings,
                            const std::filesystem::path& directory, ProgressSink& progress) {
  if (auto checked = check_training_labels(set, "dmmh"); !checked) return std::unexpected(checked.error());
  // Small products gain nothing from several threads; scan and towers are spread over threads by themselves.
  const SingleThreadedTensors single_threaded;
  auto data = PairData::make(set);
  if (!data) return std::unexpected(data.error());
  const std::int64_t image_width = data->image.spec().width;
  const std::int64_t text_width = data->text.spec().width;
  DmmhTask task(*std::move(data), set, options, settings);
  if (options.bits_tolerance && !task.can_validate())
    return fail(ErrorCode::kInvalidArgument,
                "no length can be chosen: fewer than two held-out items with labels of every column have a training "
                "item to find",
                "state the lengths with --bits, choose --labels that items share, or train on more items");
  const TrainerSettings trainer{.epochs = settings.epochs,
                                .batch = settings.batch,
                                .learning_rate = settings.learning_rate,
                                .rate_warm_up = settings.rate_warm_up,
                                .weight_decay = settings.weight_decay,
                                .seed = options.seed};
  const auto run =
      run_training(task, task.train(), trainer, options_digest(set, options, settings), directory, progress);
  if (!run) return std::unexpected(run.error());
  return DmmhResult{
      .model = task.dmmh_model(),
      .image_width = image_width,
      .text_width = text_width,
      .report = {.train_seconds = run->seconds,
                 .epochs_run = run->epochs_run,
                 .validation_score = run->best_score.value_or(0),
                 .validation_criterion =
                     run->best_score
                         ? "mAP of held-out items by the labels of every column, codes of both halves, mean of lengths"
                         : "none: fewer than two held-out items have labels of every column that training items share; "
                           "the last "
                           "epoch was kept",
                 .clean_probability = {},
                 .validation_by_bits = task.validation_by_bits()}};
}

}  // namespace warifu
