#include "methods/ccl/train.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/hash.h"
#include "evaluate/evaluate.h"
#include "evaluate/relevance.h"
#include "methods/contrastive/label_schedule.h"
#include "methods/modality_data.h"
#include "methods/trainer.h"
#include "methods/training_labels.h"
#include "nn/class_code_words.h"
#include "nn/label_similarity.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

constexpr std::int64_t kTasks = 4;
constexpr std::int64_t kEncodeBatch = 256;

using Labels = std::vector<std::vector<std::uint32_t>>;

std::string options_digest(const TrainingSet& set, const TrainOptions& options, CclSettings settings,
                           const Labels& labels) {
  const nlohmann::json all = {data_digest(set),
                              labels,
                              options.bits,
                              options.seed,
                              settings_as_text(settings.named()),
                              {set.image.tower.parts, set.text.tower.parts}};
  return content_hash(std::string_view(all.dump()));
}

// One modality in training: where its grains come from and what must be carried back into its tower.
struct Side {
  GrainData data;
  InputStage stage = nullptr;
  std::optional<InputPass> pass = std::nullopt;  // of the step under way

  Grains step(const torch::Tensor& rows, Rng& rng) {
    if (!data.has_tower()) return data.grains(rows);
    pass.emplace(*stage, data.content().varied_batch(rows, rng));
    return {pass->features(), {}, {}};
  }

  Grains look(const torch::Tensor& rows) {
    if (!data.has_tower()) return data.grains(rows);
    return {InputPass(*stage, data.content().batch(rows)).features(), {}, {}};
  }

  void carry_back() {
    if (!pass) return;
    pass->backward();
    pass.reset();
  }
};

class CclTask final : public TrainingTask {
 public:
  CclTask(PairData data, const TrainingSet& set, const Labels& labels, const TrainOptions& options,
          const CclSettings& settings)
      : settings_(settings), train_(positions_tensor(set.train)) {
    const bool labelled = !labels.empty();
    shape_ = {.image_width = data.image.spec().width / (1 + set.image.tower.parts),
              .text_width = data.text.spec().width / (1 + set.text.tower.parts),
              .image_parts = set.image.tower.parts,
              .text_parts = set.text.tower.parts,
              .classes = labelled ? static_cast<std::int64_t>(set.label_values) : 0,
              .bits = options.bits};
    torch::manual_seed(options.seed);
    model_ = CclModel(data.image.spec(), data.text.spec(), shape_, settings);
    image_.emplace(Side{GrainData(std::move(data.image), shape_.image_parts, train_, settings.power,
                                  settings.spread_floor, *model_->image),
                        model_->image});
    text_.emplace(Side{GrainData(std::move(data.text), shape_.text_parts, train_, settings.power, settings.spread_floor,
                                 *model_->text),
                       model_->text});
    if (labelled) use_labels(set, labels, options);
    unlabelled_ = 1;
    if (!labelled) {
      held_out_.positions = set.validation;
      return;
    }
    const auto without = std::ranges::count_if(set.train, [&](std::size_t i) { return labels[i].empty(); });
    unlabelled_ = static_cast<double>(without) / static_cast<double>(set.train.size());
  }

  const torch::Tensor& train() const { return train_; }
  CclModel ccl_model() const { return model_; }
  const CclShape& shape() const { return shape_; }

  torch::nn::Module& model() override { return *model_; }

  void begin_epoch(const TrainingPlace& place) override {
    sums_.clear();
    is_first_stage_ = place.epoch < settings_.first_stage();
  }

  torch::Tensor loss(const torch::Tensor& rows, const TrainingPlace& /*place*/, Rng& rng) override {
    const Grains image = image_->step(rows, rng);
    const Grains text = text_->step(rows, rng);
    auto& network = *model_->network;
    const auto image_features = network.pathway(Modality::kImage)->forward(image);
    const auto text_features = network.pathway(Modality::kText)->forward(text);
    return is_first_stage_ ? correlation(image, text, image_features, text_features)
                           : tasks(rows, image_features, text_features);
  }

  void carry_back() override {
    image_->carry_back();
    text_->carry_back();
  }

  std::optional<double> validate() override {
    // Classes and heads of codes are not learnt in the first stage: it has no epoch to keep.
    if (is_first_stage_ || held_out_.positions.size() < 2) return std::nullopt;
    const auto rows = positions_tensor(held_out_.positions);
    const auto image = embedded(Modality::kImage, *image_, rows);
    const auto text = embedded(Modality::kText, *text_, rows);
    const MetricOptions options{.cutoffs = {1}, .bootstrap_samples = 0};
    RelevanceMatrix truth(held_out_.positions.size(), held_out_.positions.size());
    if (shape_.classes > 0) {
      truth = relevance(held_out_.labels, held_out_.labels, RelevanceRule::Kind::kAny);
    } else {
      for (std::size_t i = 0; i < held_out_.positions.size(); ++i)
        truth.row(i)[i] = 1;  // its own half: reciprocal rank
    }
    return (evaluate_embeddings(image, text, truth, options).map +
            evaluate_embeddings(text, image, truth, options).map) /
           2;
  }

  // Of each term the mean over the epoch, and how much each task weighs.
  std::map<std::string, double> figures() const override {
    std::map<std::string, double> result;
    for (const auto& [name, sum] : sums_) result[name] = sum / static_cast<double>(steps_);
    if (!settings_.is_balanced()) return result;
    const auto weights = torch::exp(-model_->log_variance.detach());
    const char* const names[] = {"pair_weight", "image_class_weight", "text_class_weight", "contrast_weight"};
    for (std::int64_t t = 0; t < kTasks; ++t) result[names[t]] = weights[t].item<double>();
    return result;
  }

 private:
  void use_labels(const TrainingSet& set, const Labels& labels, const TrainOptions& options) {
    labels_ = multi_hot(labels, shape_.classes);
    held_out_ = held_out_labels(set.validation, labels);
    Rng rng(options.seed);
    auto pull = torch::zeros({shape_.classes, shape_.classes});
    for (const auto* side : {&*image_, &*text_}) {
      if (side->data.has_tower()) continue;  // no feature is known yet
      pull = class_pull(side->data.all().whole.index_select(0, train_), labels_.index_select(0, train_),
                        settings_.word_sharpness);
      break;
    }
    for (const std::uint32_t bits : shape_.bits) words_.push_back(class_code_words(pull, bits, rng));
  }

  torch::Tensor correlation(const Grains& image, const Grains& text, const CclFeatures& image_features,
                            const CclFeatures& text_features) {
    const auto terms =
        ccl_correlation(image_features, text_features, model_->image_decoder->forward(image, image_features),
                        model_->text_decoder->forward(text, text_features));
    note({{"within_loss", terms.within}, {"across_loss", terms.across}});
    return (1 - settings_.correlation) * terms.within + settings_.correlation * terms.across;
  }

  torch::Tensor tasks(const torch::Tensor& rows, const CclFeatures& image, const CclFeatures& text) {
    auto& network = *model_->network;
    CclBatch batch;
    batch.image = image.common;
    batch.text = text.common;
    batch.image_codes = torch::tanh(network.heads(image.common));
    batch.text_codes = torch::tanh(network.heads(text.common));
    batch.same = rows.unsqueeze(1).eq(rows.unsqueeze(0));
    batch.unlabelled = unlabelled_;
    if (shape_.classes > 0) {
      batch.labels = labels_.index_select(0, rows);
      batch.image_logits = network.class_logits(image.common);
      batch.text_logits = network.class_logits(text.common);
    }
    const CclTasks terms = ccl_tasks(batch, settings_);
    const auto codes = ccl_code_loss(batch, words_, shape_.bits, settings_);
    note({{"pair_loss", terms.pairs},
          {"image_class_loss", terms.image_class},
          {"text_class_loss", terms.text_class},
          {"contrast_loss", terms.contrast},
          {"code_loss", codes}});
    const std::vector<torch::Tensor> all = {terms.pairs, terms.image_class, terms.text_class, terms.contrast};
    const auto balance = settings_.is_balanced() ? model_->log_variance : torch::zeros({kTasks});
    return balanced_sum(all, balance) + settings_.code_weight * codes;
  }

  void note(const std::vector<std::pair<const char*, torch::Tensor>>& terms) {
    if (sums_.empty()) steps_ = 0;
    ++steps_;
    for (const auto& [name, term] : terms)
      if (term.defined()) sums_[name] += term.item<double>();
  }

  FloatMatrix embedded(Modality modality, Side& side, const torch::Tensor& rows) {
    std::vector<torch::Tensor> parts;
    for (const auto& part : rows.split(kEncodeBatch))
      parts.push_back(
          model_->network->embedding(modality, model_->network->pathway(modality)->forward(side.look(part)).common));
    return to_float_matrix(torch::cat(parts));
  }

  CclSettings settings_;
  torch::Tensor train_;
  CclShape shape_;
  CclModel model_ = nullptr;
  std::optional<Side> image_, text_;
  torch::Tensor labels_;                // of all items of the set, multi-hot; undefined without labels
  double unlabelled_ = 0;               // share of the training items without one
  HeldOutLabels held_out_;              // without labels all held-out items
  std::vector<torch::Tensor> words_;    // of each length
  std::map<std::string, double> sums_;  // of the terms, over the epoch
  std::int64_t steps_ = 0;
  bool is_first_stage_ = false;
};

// The labels that are learnt from; none where there are none, or one that all share.
Result<Labels> choose_labels(const TrainingSet& set, const TrainOptions& options, const CclSettings& settings,
                             ProgressSink& progress) {
  if (settings.labels == "no" || set.labels.empty() || set.label_values == 0) return Labels{};
  if (set.label_values > kMaxLabelValues)
    return fail(
        ErrorCode::kInvalidArgument,
        std::to_string(set.label_values) + " label values; ccl takes at most " + std::to_string(kMaxLabelValues),
        "choose the label columns that matter with --labels, or learn from pairs alone: --set labels=no");
  Labels labels =
      settings.label_limit == 0
          ? set.labels
          : limit_labels(set.labels, set.train, static_cast<std::size_t>(settings.label_limit), options.seed);
  std::set<std::uint32_t> values;
  for (const std::size_t position : set.train) values.insert(labels[position].begin(), labels[position].end());
  if (values.size() > 1) return labels;
  progress.note("no two labels among the training items: ccl learns from their pairs alone");
  return Labels{};
}

Result<void> check_parts(const TrainingInputs& inputs, const char* side) {
  const int parts = inputs.tower.parts;
  const bool fits =
      parts >= 0 && parts <= kMaxParts && inputs.features.cols() % static_cast<std::size_t>(1 + parts) == 0;
  if (fits && (parts == 0 || !inputs.features.empty())) return {};
  return fail(ErrorCode::kInvalidArgument,
              std::string(side) + ": " + std::to_string(parts) + " parts do not fit " +
                  std::to_string(inputs.features.cols()) + " features",
              "rows are [whole | part 1 | …] of one width");
}

}  // namespace

CclDecoderImpl::CclDecoderImpl(std::int64_t features, bool with_parts, std::int64_t width) {
  whole_ = register_module("whole", torch::nn::Linear(width, features));
  if (with_parts) part_ = register_module("part", torch::nn::Linear(width, features));
  hidden_ = register_module("hidden", torch::nn::Linear(width, with_parts ? 2 * width : width));
}

CclReconstruction CclDecoderImpl::forward(const Grains& grains, const CclFeatures& features) {
  CclReconstruction again;
  again.whole = whole_(features.whole);
  again.whole_of = grains.whole.detach();
  again.hidden_of = features.whole.detach();
  if (features.part.defined()) {
    again.part = part_(features.part);
    again.part_of = mean_part(grains);
    again.hidden_of = torch::cat({features.whole, features.part}, 1).detach();
  }
  again.hidden = hidden_(features.common);
  return again;
}

CclModelImpl::CclModelImpl(const InputSpec& image_spec, const InputSpec& text_spec, const CclShape& shape,
                           const CclSettings& settings) {
  image = register_module("image", InputStage(image_spec));
  text = register_module("text", InputStage(text_spec));
  network = register_module("network", CclNetwork(shape, settings));
  image_decoder =
      register_module("image_decoder", CclDecoder(shape.image_width, shape.image_parts > 0, settings.width));
  text_decoder = register_module("text_decoder", CclDecoder(shape.text_width, shape.text_parts > 0, settings.width));
  log_variance = register_parameter("log_variance", torch::zeros({kTasks}));
}

Result<CclResult> fit_ccl(const TrainingSet& set, const TrainOptions& options, const CclSettings& settings,
                          const std::filesystem::path& directory, ProgressSink& progress) {
  if (auto checked = check_parts(set.image, "pictures"); !checked) return std::unexpected(checked.error());
  if (auto checked = check_parts(set.text, "texts"); !checked) return std::unexpected(checked.error());
  const auto labels = choose_labels(set, options, settings, progress);
  if (!labels) return std::unexpected(labels.error());
  // Small products gain nothing from several threads; towers are spread over threads by themselves.
  const SingleThreadedTensors single_threaded;
  auto data = PairData::make(set);
  if (!data) return std::unexpected(data.error());
  const std::int64_t image_row = data->image.spec().width;
  const std::int64_t text_row = data->text.spec().width;
  CclTask task(*std::move(data), set, *labels, options, settings);
  const TrainerSettings trainer{.epochs = settings.first_stage() + settings.epochs,
                                .batch = settings.batch,
                                .learning_rate = settings.learning_rate,
                                .rate_warm_up = settings.rate_warm_up,
                                .weight_decay = settings.weight_decay,
                                .seed = options.seed};
  const auto run =
      run_training(task, task.train(), trainer, options_digest(set, options, settings, *labels), directory, progress);
  if (!run) return std::unexpected(run.error());
  const char* criterion = "none: fewer than two items held out that could tell, the last epoch was kept";
  if (run->best_score)
    criterion = task.shape().classes > 0
                    ? "mAP of held-out items by their labels in the real-valued space, both directions"
                    : "mean reciprocal rank of the own half among held-out pairs, both directions";
  return CclResult{.model = task.ccl_model(),
                   .shape = task.shape(),
                   .image_row = image_row,
                   .text_row = text_row,
                   .report = {.train_seconds = run->seconds,
                              .epochs_run = run->epochs_run,
                              .validation_score = run->best_score.value_or(0),
                              .validation_criterion = criterion,
                              .clean_probability = {}}};
}

}  // namespace warifu
