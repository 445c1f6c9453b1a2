#include "methods/prompthash/train.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "evaluate/evaluate.h"
#include "evaluate/relevance.h"
#include "methods/modality_data.h"
#include "methods/prompthash/objective.h"
#include "methods/trainer.h"
#include "methods/training_labels.h"
#include "nn/class_code_words.h"
#include "nn/label_similarity.h"
#include "nn/single_threaded_tensors.h"

namespace warifu {
namespace {

std::string options_digest(const TrainingSet& set, const TrainOptions& options, PromptHashSettings settings) {
  const nlohmann::json all = {data_digest(set), set.labels, options.bits, options.seed,
                              settings_as_text(settings.named())};
  return content_hash(std::string_view(all.dump()));
}

// PromptHash over fixed data, as the trainer sees it.
class PromptHashTask final : public TrainingTask {
 public:
  PromptHashTask(PairData data, const TrainingSet& set, const TrainOptions& options, const PromptHashSettings& settings)
      : image_(std::move(data.image)),
        text_(std::move(data.text)),
        train_(positions_tensor(set.train)),
        labels_(multi_hot(set.labels, static_cast<std::int64_t>(set.label_values))),
        settings_(settings) {
    held_out_ = held_out_labels(set.validation, set.labels);
    shape_ = {.image_width = image_.spec().width,
              .text_width = text_.spec().width,
              .concepts = labels_.size(1),
              .bits = options.bits};
    shape_.bits.push_back(static_cast<std::uint32_t>(settings.auxiliary_bits));
    torch::manual_seed(options.seed);
    model_ = PromptHashModel(image_.spec(), text_.spec(), shape_, settings);
    image_.standardise(train_, settings.spread_floor, *model_->image);
    text_.standardise(train_, settings.spread_floor, *model_->text);
    Rng rng(options.seed);
    const auto pull = likeness();
    for (const std::uint32_t bits : shape_.bits) words_.push_back(class_code_words(pull, bits, rng));
    image_buffer_ = torch::zeros({labels_.size(0), shape_.all_bits()});
    text_buffer_ = torch::zeros_like(image_buffer_);
    both_buffer_ = torch::zeros_like(image_buffer_);
    targets_ = signs_of(torch::randn(image_buffer_.sizes()));
  }

  const torch::Tensor& train() const { return train_; }
  PromptHashModel prompthash_model() const { return model_; }

  torch::nn::Module& model() override { return *model_; }

  NamedTensors memory() const override {
    return {{"image", image_buffer_}, {"text", text_buffer_}, {"both", both_buffer_}};
  }

  void restore_memory(const NamedTensors& memory) override {
    image_buffer_.copy_(memory.at("image"));
    text_buffer_.copy_(memory.at("text"));
    both_buffer_.copy_(memory.at("both"));
  }

  void begin_epoch(const TrainingPlace& place) override {
    if (place.epoch > 0) targets_ = signs_of(image_buffer_ + text_buffer_ + both_buffer_);
    sums_.clear();
  }

  torch::Tensor loss(const torch::Tensor& rows, const TrainingPlace& /*place*/, Rng& rng) override {
    image_pass_.emplace(*model_->image, image_.varied_batch(rows, rng));
    text_pass_.emplace(*model_->text, text_.varied_batch(rows, rng));
    PromptHashBatch batch;
    batch.labels = labels_.index_select(0, rows);
    batch.outputs = model_->network->forward(image_pass_->features(), text_pass_->features(), batch.labels);
    const PromptHashOutputs& outputs = batch.outputs;
    const auto relaxed = torch::tanh(model_->network->heads(torch::cat({outputs.image, outputs.text, outputs.both})));
    batch.image = relaxed.narrow(0, 0, rows.size(0));
    batch.text = relaxed.narrow(0, rows.size(0), rows.size(0));
    batch.both = relaxed.narrow(0, 2 * rows.size(0), outputs.both.size(0));
    remember(rows, batch);
    const auto seen = draw_rows(train_, settings_.buffer_rows, rng);
    batch.image_buffer = image_buffer_.index_select(0, seen);
    batch.text_buffer = text_buffer_.index_select(0, seen);
    batch.buffer_similar =
        any_label_similarity(labels_.index_select(0, seen), batch.labels, seen.unsqueeze(1).eq(rows.unsqueeze(0)));
    batch.similar = any_label_similarity(batch.labels, batch.labels, rows.unsqueeze(1).eq(rows.unsqueeze(0)));
    batch.targets = targets_.index_select(0, rows);
    const auto images = split_by_bits(batch.image, shape_.bits);
    const auto texts = split_by_bits(batch.text, shape_.bits);
    for (std::size_t i = 0; i + 1 < shape_.bits.size(); ++i)
      for (const auto& codes : {images[i], texts[i]}) batch.decoded.push_back(model_->decode(i, codes));
    const auto terms = prompthash_terms(batch, words_, shape_.bits, settings_);
    note(terms);
    return terms.sum();
  }

  void carry_back() override {
    image_pass_->backward();
    text_pass_->backward();
    image_pass_.reset();  // with the graph of the step
    text_pass_.reset();
  }

  std::optional<double> validate() override {
    if (held_out_.positions.size() < 2) return std::nullopt;
    const auto rows = positions_tensor(held_out_.positions);
    const auto image = codes(Modality::kImage, rows);
    const auto text = codes(Modality::kText, rows);
    const auto truth = relevance(held_out_.labels, held_out_.labels, RelevanceRule::Kind::kAny);
    const MetricOptions options{.cutoffs = {1}, .bootstrap_samples = 0};
    return (evaluate_codes(image, text, truth, options).map + evaluate_codes(text, image, truth, options).map) / 2;
  }

  // Of each term the mean over the epoch.
  std::map<std::string, double> figures() const override {
    std::map<std::string, double> means;
    for (const auto& [name, sum] : sums_) means[name] = sum / static_cast<double>(steps_);
    return means;
  }

 private:
  // What pulls the code words of two classes together: how alike their fixed features are, pictures' if they are
  // fixed, else texts'; nothing where towers are trained and no feature is known yet, or where it is not wanted.
  torch::Tensor likeness() const {
    const auto labels = labels_.index_select(0, train_);
    for (const ModalityData* data : {&image_, &text_})
      if (data->spec().kind == InputSpec::Kind::kFeatures && settings_.word_sharpness > 0)
        return class_pull(data->batch(train_), labels, settings_.word_sharpness);
    return torch::zeros({labels.size(1), labels.size(1)});
  }

  void remember(const torch::Tensor& rows, const PromptHashBatch& batch) {
    const torch::NoGradGuard no_grad;
    image_buffer_.index_copy_(0, rows, batch.image.detach());
    text_buffer_.index_copy_(0, rows, batch.text.detach());
    both_buffer_.index_copy_(0, rows.narrow(0, 0, batch.both.size(0)), batch.both.detach());
  }

  void note(const PromptHashTerms& terms) {
    if (sums_.empty()) steps_ = 0;
    ++steps_;
    const std::pair<const char*, const torch::Tensor&> named[] = {{"class_loss", terms.classes},
                                                                  {"likelihood_loss", terms.likelihood},
                                                                  {"quantization_loss", terms.quantization},
                                                                  {"reconstruction_loss", terms.reconstruction},
                                                                  {"global_loss", terms.global},
                                                                  {"local_loss", terms.local},
                                                                  {"affinity_loss", terms.affinity}};
    for (const auto& [name, term] : named)
      if (term.defined()) sums_[name] += term.item<double>();
  }

  // The longest codes of the half of `rows`; in mode paper of its pairs.
  CodeMatrix codes(Modality modality, const torch::Tensor& rows) {
    CodeMatrix codes;
    const std::uint32_t bits = shape_.bits[shape_.bits.size() - 2];
    const bool needs_image = settings_.is_paper() || modality == Modality::kImage;
    const bool needs_text = settings_.is_paper() || modality == Modality::kText;
    for (const auto& part : rows.split(settings_.batch)) {
      torch::Tensor image, text;
      if (needs_image) image = InputPass(*model_->image, image_.batch(part)).features();
      if (needs_text) text = InputPass(*model_->text, text_.batch(part)).features();
      const auto values = model_->network->outputs(modality, image, text, labels_.index_select(0, part));
      codes.append(pack_signs(to_float_matrix(values.narrow(1, values.size(1) - bits, bits))));
    }
    return codes;
  }

  ModalityData image_;
  ModalityData text_;
  torch::Tensor train_;
  torch::Tensor labels_;  // of all items of the set, multi-hot
  HeldOutLabels held_out_;
  PromptHashSettings settings_;
  PromptHashShape shape_;
  PromptHashModel model_ = nullptr;
  std::vector<torch::Tensor> words_;  // of each length
  // Of all items of the set, [items, all bits]: relaxed codes as last seen [U, V] and of pairs, and their common
  // signs [B] as of the last epoch; random ones in the first.
  torch::Tensor image_buffer_, text_buffer_, both_buffer_, targets_;
  std::optional<InputPass> image_pass_;  // of the step under way
  std::optional<InputPass> text_pass_;
  std::map<std::string, double> sums_;  // of the terms, over the epoch
  std::int64_t steps_ = 0;
};

Result<void> check_settings(const PromptHashSettings& settings) {
  if (settings.width % settings.heads != 0)
    return fail(
        ErrorCode::kInvalidArgument,
        "width " + std::to_string(settings.width) + " is no multiple of " + std::to_string(settings.heads) + " heads",
        "choose both with --set");
  if (settings.is_paper() && !settings.has_fusion())
    return fail(ErrorCode::kInvalidArgument, "mode=paper is its fusion: fusion=no leaves nothing of it",
                "leave fusion=no out, or choose mode=strict");
  if (settings.is_oracle() && !settings.has_prompts())
    return fail(ErrorCode::kInvalidArgument, "mode=oracle makes prompts of labels: prompts=no leaves nothing of it",
                "leave prompts=no out, or choose mode=strict");
  return {};
}

}  // namespace

PromptHashModelImpl::PromptHashModelImpl(const InputSpec& image_spec, const InputSpec& text_spec,
                                         const PromptHashShape& shape, const PromptHashSettings& settings) {
  image = register_module("image", InputStage(image_spec));
  text = register_module("text", InputStage(text_spec));
  network = register_module("network", PromptHashNetwork(shape, settings));
  const auto longest = static_cast<std::int64_t>(shape.bits.back());
  for (std::size_t i = 0; i + 1 < shape.bits.size(); ++i)
    decoders_.push_back(register_module(
        "decoder" + std::to_string(i),
        torch::nn::Sequential(torch::nn::Linear(static_cast<std::int64_t>(shape.bits[i]), longest), torch::nn::ReLU(),
                              torch::nn::Linear(longest, longest), torch::nn::Tanh())));
}

torch::Tensor PromptHashModelImpl::decode(std::size_t length, const torch::Tensor& relaxed) {
  return decoders_[length]->forward(relaxed);
}

Result<PromptHashResult> fit_prompthash(const TrainingSet& set, const TrainOptions& options,
                                        const PromptHashSettings& settings, const std::filesystem::path& directory,
                                        ProgressSink& progress) {
  if (auto checked = check_settings(settings); !checked) return std::unexpected(checked.error());
  if (auto checked = check_training_labels(set, "prompthash"); !checked) return std::unexpected(checked.error());
  // Small products gain nothing from several threads; scan and towers are spread over threads by themselves.
  const SingleThreadedTensors single_threaded;
  auto data = PairData::make(set);
  if (!data) return std::unexpected(data.error());
  const std::int64_t image_width = data->image.spec().width;
  const std::int64_t text_width = data->text.spec().width;
  PromptHashTask task(*std::move(data), set, options, settings);
  const TrainerSettings trainer{.epochs = settings.epochs,
                                .batch = settings.batch,
                                .learning_rate = settings.learning_rate,
                                .rate_warm_up = settings.rate_warm_up,
                                .weight_decay = settings.weight_decay,
                                .seed = options.seed};
  const auto run =
      run_training(task, task.train(), trainer, options_digest(set, options, settings), directory, progress);
  if (!run) return std::unexpected(run.error());
  return PromptHashResult{
      .model = task.prompthash_model(),
      .image_width = image_width,
      .text_width = text_width,
      .report = {.train_seconds = run->seconds,
                 .epochs_run = run->epochs_run,
                 .validation_score = run->best_score.value_or(0),
                 .validation_criterion = run->best_score
                                             ? "mAP of held-out items by their labels, both directions"
                                             : "none: fewer than two labelled items held out, the last epoch was kept",
                 .clean_probability = {}}};
}

}  // namespace warifu
